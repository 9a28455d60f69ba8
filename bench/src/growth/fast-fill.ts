/** Filling large tables: their indexes are made when the rows are there. */
import type { Client } from 'pg';

/** Those that no constraint stands on; names and definitions are the product's. */
const INDEXES = `
  select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as definition
  from pg_index i join pg_class t on t.oid = i.indrelid
  where t.relnamespace = 'cloister'::regnamespace and t.relname = any($1)
    and not exists (select from pg_constraint c where c.conindid = i.indexrelid)`;

export async function withoutIndexes<T>(
  admin: Client,
  tables: readonly string[],
  fill: () => Promise<T>,
): Promise<T> {
  const { rows } = await admin.query<{ name: string; definition: string }>(INDEXES, [tables]);
  for (const { name } of rows) await admin.query(`drop index ${name}`);
  const result = await fill();
  for (const { definition } of rows) await admin.query(definition);
  return result;
}
