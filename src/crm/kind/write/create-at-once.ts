/**
 * Writes one new record and commits it in the same flight, which most creations can do with: those of
 * which nothing has to be asked but the statement that writes them.
 */
import { uuidv7 } from 'uuidv7';
import type { Statement } from '../../../database/statement';
import { writableColumns } from '../columns';
import type { Kind, KindRow, KindSet, Values } from '../kind';
import { nameFixed } from '../statement-names';
import { countedByPlan } from './beyond-plan';
import { prepare } from './rules';
import { runBatch, type PathOf, type Write } from './run-write';
import { insertOneText, type ColumnValues, type WriteScope } from './write-sql';

export type CreateAtOnce = (
  write: Write,
  values: Values,
  pathOf: PathOf,
) => Promise<KindRow | undefined>;

/**
 * @returns what creates a record in a transaction of its own, of which each statement of `write.context.tx`
 * is one; undefined: nothing was written, and why takes more than one statement to find out. What Postgres
 * refuses and names is thrown as UserFaults.
 */
export function createAtOnce(kinds: KindSet, kind: Kind): CreateAtOnce {
  const { check, checksOnlyChanges = false } = kind.rules;
  if (check !== undefined && !checksOnlyChanges) return async () => undefined;
  const insert = insertOne(kinds, kind);
  return async (write, values, pathOf) => {
    const { services } = write.context;
    const [columns] = await prepare(write, [values], pathOf, { creating: true });
    const what = countedByPlan(kind);
    if (columns === undefined || services.plan?.admits(what, 1) === false) return undefined;
    let created: KindRow | undefined;
    try {
      [created] = await runBatch<KindRow>(write, insert(write, columns), { count: 1, pathOf });
    } finally {
      if (created === undefined) services.plan?.giveBack(what, 1);
    }
    return created;
  };
}

function insertOne(kinds: KindSet, kind: Kind) {
  const columns = writableColumns(kind);
  const text = insertOneText(kinds, kind);
  const { name } = nameFixed({ text, values: [] });
  return ({ tenantId, actorId }: WriteScope, row: ColumnValues): Statement => ({
    name,
    text,
    values: [
      tenantId,
      actorId ?? null,
      uuidv7(),
      ...columns.map(({ column, sqlType }) => toParameter(row[column], sqlType)),
    ],
  });
}

/** As it would stand in JSON, which is how several records are written. */
function toParameter(value: unknown, sqlType: string): unknown {
  if (value === undefined || value === null) return null;
  if (value instanceof Date) return value.toISOString();
  return sqlType === 'jsonb' ? JSON.stringify(value) : value;
}
