/**
 * The search as PostGraphile's users would add it: a stable function, which becomes a field of the
 * query. https://postgraphile.org/postgraphile/5/custom-queries/
 */
import type { Client } from 'pg';
import { SEARCH_STATEMENT } from '../peers/search.statement';

const MOST = 50;

/** @param readers the roles that may call it. */
export async function createSearchFunction(
  admin: Client,
  readers: readonly string[],
): Promise<void> {
  // A commit that is compared may be older than the search.
  const { rows } = await admin.query<{ there: boolean }>(
    "select to_regproc('cloister.search_tables') is not null as there",
  );
  if (rows[0]?.there !== true) return;
  const body = SEARCH_STATEMENT.replaceAll('$1', "current_setting('app.tenant_id')::uuid")
    .replaceAll('$2', "regexp_split_to_array(term, '\\s+')")
    .replaceAll('$3', String(MOST));
  const roles = readers.map((role) => admin.escapeIdentifier(role)).join(', ');
  await admin.query(`
    create schema if not exists bench;
    grant usage on schema bench to ${roles};
    create or replace function bench.search_records(term text)
      returns table (kind text, rank real, matched_text text, record uuid, name text)
      language sql stable as $search$ ${body} $search$;
    grant execute on function bench.search_records(text) to ${roles}`);
}
