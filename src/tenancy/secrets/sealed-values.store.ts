/** Sealed values in the registry, column by column. Names come from `sealed-columns.ts`, never from outside. */
import type { Knex } from 'knex';
import type { ResealedValue, SealedValue } from './reseal-values';
import type { SealedColumn } from './sealed-columns';

export interface NamedValue extends SealedValue {
  /** Which row it is, for people. */
  readonly label: string;
}

/** In the order of their rows' ids. @returns also how many there are in all. */
export async function listValues(
  db: Knex,
  { table, column, ownerColumn, placeColumn = 'id', label }: SealedColumn,
  afterId: string | undefined,
  limit: number,
): Promise<{ values: NamedValue[]; total: number }> {
  const all = () => db(`registry.${table}`).whereNotNull(column).whereNotNull(ownerColumn);
  const query = all()
    .select({ id: 'id', ownerId: ownerColumn, rowId: placeColumn, label, sealed: column })
    .orderBy('id')
    .limit(limit);
  const [rows, counted] = await Promise.all([
    afterId === undefined ? query : query.where('id', '>', afterId),
    all().count({ total: '*' }),
  ]);
  return { values: rows as NamedValue[], total: Number(counted[0]?.['total']) };
}

/** @returns how many were replaced; what was changed meanwhile is left alone. */
export async function replaceValues(
  db: Knex,
  { table, column }: SealedColumn,
  values: readonly ResealedValue[],
): Promise<number> {
  if (values.length === 0) return 0;
  const { rowCount } = await db.raw<{ rowCount: number }>(
    `update registry.${table} r set ${column} = c.after, updated_at = now()
     from unnest(?::uuid[], ?::text[], ?::text[]) as c (id, before, after)
     where r.id = c.id and r.${column} = c.before`,
    [
      values.map(({ id }) => id),
      values.map(({ before }) => before),
      values.map(({ after }) => after),
    ],
  );
  return rowCount;
}
