/**
 * One statement over all the kinds. What the function finds is read once more as the caller, so
 * that each result is a row which the tenant's own policies show.
 */
import { raw } from 'sql-template-tag';
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

/** From here on a data source looks through all kinds at once, and before through each for itself. */
const SEARCHES_TOGETHER = '0011_search_addresses';

/** @returns the best first; equal ones in a fixed order. */
export async function findHits(
  runner: RuleContext['tx'],
  { phrases, kinds, limit }: Searched,
): Promise<SearchHit[]> {
  if (phrases.length === 0 || kinds.length === 0) return [];
  return runner.query<SearchHit>(statementOf(kinds, [runner.localTenantId, phrases, limit]));
}

function statementOf(
  kinds: readonly Kind[],
  values: readonly unknown[],
): Parameters<RuleContext['tx']['query']>[0] {
  const tables = kinds.map(({ table }) => `'${table}'`).join(', ');
  const found = `select * from cloister.search_tables(array[${tables}], $2::text[], $3::integer)`;
  const together = kinds.map((kind) =>
    hitsSql(kind, `(select * from found where table_name = '${kind.table}')`),
  );
  const eachForItself = kinds.map((kind) =>
    hitsSql(kind, `cloister.search('${kind.table}', $2::text[], $3::integer)`),
  );
  return {
    ...nameShaped(raw(`with found as (${found}) ${bestOf(together)}`)),
    values,
    older: { than: SEARCHES_TOGETHER, text: bestOf(eachForItself) },
  };
}

const bestOf = (hits: readonly string[]): string =>
  `${hits.join(' union all ')} order by rank desc, kind, id limit $3::integer`;

/** @param source where the function's answers come from. */
const hitsSql = (kind: Kind, source: string): string => {
  const texts = (kind.search ?? []).map((name) => {
    const field = kind.fields[name];
    return `t.${field === undefined ? toSnakeCase(name) : columnOf(name, field)}`;
  });
  return `select '${kind.name}' as kind, t.id, s.rank, s.place, (array[${texts.join(', ')}])[s.place] as text
    from ${source} s join cloister.${kind.table} t on t.tenant_id = $1 and t.id = s.id`;
};
