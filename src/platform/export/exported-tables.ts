/** Which tables and columns an export holds, and how their rows are read. */
import type { SqlRunner } from '../../database/statement';
import { listTenantTables, quoted, quoteName } from '../../tenancy/tenant-tables';

export interface TablePlan {
  readonly name: string;
  readonly columns: readonly string[];
  readonly key: readonly string[];
}

export interface ExportPlan {
  readonly tables: readonly TablePlan[];
  readonly omitted: readonly { readonly table: string; readonly because: string }[];
}

/** Of this installation's moment, and of no use in another: who was signed in, how far an import was, what was answered. */
const PASSING: ReadonlySet<string> = new Set([
  'user_sessions',
  'user_tokens',
  'sign_in_proofs',
  'idempotency_keys',
  'import_runs',
  'import_deferred_rows',
]);
/** Of no use elsewhere: the tenant's own id, and the words that the search makes of other columns. */
const DERIVED = new Set(['tenant_id', 'search_text']);
const SECRET = /_(hash|sealed)$/;

const NOT_NULL = `
  select c.relname as table, a.attname as column
  from pg_attribute a join pg_class c on c.oid = a.attrelid
  where c.relnamespace = 'cloister'::regnamespace and c.relkind in ('r', 'p')
    and a.attnum > 0 and a.attnotnull and not a.attisdropped`;

export async function planExport(
  runner: Pick<SqlRunner, 'query'>,
  { withSecrets }: { readonly withSecrets: boolean },
): Promise<ExportPlan> {
  const found = await listTenantTables(runner);
  const required = new Set(
    (await runner.query<{ table: string; column: string }>({ text: NOT_NULL, values: [] })).map(
      ({ table, column }) => `${table}.${column}`,
    ),
  );
  const tables: TablePlan[] = [];
  const omitted: { table: string; because: string }[] = [];
  for (const { name, columns, key } of found) {
    const names = columns.map((column) => column.name).filter((column) => !DERIVED.has(column));
    const secrets = withSecrets ? [] : names.filter((column) => SECRET.test(column));
    if (PASSING.has(name)) omitted.push({ table: name, because: 'of passing use' });
    else if (secrets.some((column) => required.has(`${name}.${column}`))) {
      omitted.push({ table: name, because: 'holds nothing without its secrets' });
    } else {
      tables.push({ name, key, columns: names.filter((column) => !secrets.includes(column)) });
    }
  }
  return { tables, omitted };
}

/** The rows of the tenant that is stated, in the order of their key. */
const rowsOf = ({ name, columns, key }: TablePlan, tenantId: string): string =>
  // COPY takes no parameters; the id is a uuid, and is checked by whoever calls.
  `select ${quoted(columns)} from cloister.${quoteName(name)} where tenant_id = '${tenantId}'` +
  (key.length === 0 ? '' : ` order by ${quoted(key)}`);

/**
 * JSON holds no control characters, so with two of them as quote and delimiter the CSV form leaves each
 * line as it is; the text form would double every backslash.
 */
export const copyAsJsonLines = (table: TablePlan, tenantId: string): string =>
  `copy (select row_to_json(r) from (${rowsOf(table, tenantId)}) r) to stdout with (format csv, quote e'\\x01', delimiter e'\\x02')`;

export const copyAsCsv = (table: TablePlan, tenantId: string): string =>
  `copy (${rowsOf(table, tenantId)}) to stdout with (format csv, header true)`;
