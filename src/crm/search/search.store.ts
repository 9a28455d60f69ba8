/**
 * One statement over all the kinds. What the function finds is read once more as the caller, so
 * that each result is a row which the tenant's own policies show.
 */
import sql, { join, raw, type Sql } from 'sql-template-tag';
import { columnOf } from '../kind/columns';
import { toSnakeCase } from '../kind/fields';
import type { Kind, RuleContext } from '../kind/kind';
import { nameShaped } from '../kind/statement-names';

export interface SearchHit {
  /** GraphQL name of the kind. */
  readonly kind: string;
  readonly id: string;
  /** From 0 to 1. */
  readonly rank: number;
  /** Where among the fields that the kind's search looks at; counted from 1. */
  readonly place: number;
  readonly text: string;
}

export interface Searched {
  readonly phrases: readonly string[];
  readonly kinds: readonly Kind[];
  readonly limit: number;
}

/** @returns the best first; equal ones in a fixed order. */
export async function findHits(
  runner: RuleContext['tx'],
  { phrases, kinds, limit }: Searched,
): Promise<SearchHit[]> {
  if (phrases.length === 0 || kinds.length === 0) return [];
  const parts = kinds.map((kind) => hitsSql(kind, runner.localTenantId, phrases, limit));
  return runner.query<SearchHit>(
    nameShaped(sql`${join(parts, ' union all ')} order by rank desc, kind, id limit ${limit}`),
  );
}

const hitsSql = (kind: Kind, tenantId: string, phrases: readonly string[], limit: number): Sql => {
  const texts = (kind.search ?? []).map((name) => {
    const field = kind.fields[name];
    return `t.${field === undefined ? toSnakeCase(name) : columnOf(name, field)}`;
  });
  return sql`select ${raw(`'${kind.name}'`)} as kind, t.id, s.rank, s.place,
      (array[${raw(texts.join(', '))}])[s.place] as text
    from cloister.search(${raw(`'${kind.table}'`)}, ${phrases}::text[], ${limit}) s
    join ${raw(`cloister.${kind.table}`)} t on t.tenant_id = ${tenantId} and t.id = s.id`;
};
