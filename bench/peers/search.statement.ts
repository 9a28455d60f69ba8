/**
 * The search of the product in SQL: its function over both tables, joined with the records that it
 * finds. Servers that state no tenant otherwise have to state it for this, since the function finds
 * nothing without one. $1 is the tenant, $2 the words, $3 how many.
 */
const hitsOf = (kind: string, table: string, name: string, texts: readonly string[]): string =>
  `select '${kind}' as kind, s.rank, (array[${texts.map((text) => `t.${text}`).join(', ')}])[s.place] as "matchedText",
     t.id, t.${name} as name
   from (select * from found where table_name = '${table}') s
   join cloister.${table} t on t.tenant_id = $1 and t.id = s.id`;

export const SEARCH_STATEMENT = `
  with found as (select * from cloister.search_tables(array['accounts', 'contacts'], $2, $3))
  ${hitsOf('Account', 'accounts', 'name', ['name', 'website', 'email', 'phone'])}
  union all
  ${hitsOf('Contact', 'contacts', 'full_name', ['full_name', 'email', 'phone', 'mobile_phone'])}
  order by rank desc, kind, id limit $3`;

/** The first `set_config` of a transaction, for servers that state no tenant otherwise. */
export const STATE_TENANT = "select set_config('app.tenant_id', $1, true)";

/** What somebody typed, as the function takes it. */
export const wordsOf = (term: string): readonly string[] =>
  term.split(/\s+/).filter((word) => word !== '');
