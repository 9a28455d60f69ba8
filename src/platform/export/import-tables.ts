/** How the rows of an export enter a tenant: which columns, and which references come second. */
import type { SqlRunner } from '../../database/statement';
import {
  listTenantTables,
  quoted,
  quoteName,
  writtenColumns,
  type TenantTable,
} from '../../tenancy/tenant-tables';
import type { TablePlan } from './exported-tables';
import { ExportError, type ExportedTable, type Manifest } from './manifest';

export interface ImportedTable extends TablePlan {
  readonly exported: ExportedTable;
  /** Columns that are written: the database computes the others. */
  readonly written: readonly string[];
  /** References to rows that may come later: of its own table, or of one further down. */
  readonly late: readonly string[];
}

const REFERENCES = `
  select c.relname as "table", p.relname as parent, a.attname as "column"
  from pg_constraint f
  join pg_class c on c.oid = f.conrelid join pg_class p on p.oid = f.confrelid
  cross join lateral unnest(f.conkey) k (attnum)
  join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
  where f.contype = 'f' and c.relnamespace = 'cloister'::regnamespace and a.attname <> 'tenant_id'`;

/** In the order in which they are written. @throws ExportError when the data source lacks one. */
export async function planImport(tx: SqlRunner, manifest: Manifest): Promise<ImportedTable[]> {
  const found = await listTenantTables(tx);
  const references = await tx.query<{ table: string; parent: string; column: string }>({
    text: REFERENCES,
    values: [],
  });
  const order = new Map(found.map(({ name }, index) => [name, index]));
  const exported = new Map(manifest.tables.map((table) => [table.name, table]));
  const lacking = manifest.tables.filter(({ name }) => !order.has(name)).map(({ name }) => name);
  if (lacking.length > 0) throw newerExport(manifest, lacking);
  return found.flatMap((table, index) => {
    const from = exported.get(table.name);
    if (from === undefined) return [];
    const late = references
      .filter(({ table: name, parent }) => name === table.name && (order.get(parent) ?? 0) >= index)
      .map(({ column }) => column);
    return [planTable(table, from, late, manifest)];
  });
}

function planTable(
  table: TenantTable,
  exported: ExportedTable,
  late: readonly string[],
  manifest: Manifest,
): ImportedTable {
  const { name, key } = table;
  const there = new Set(table.columns.map((column) => column.name));
  const lacking = exported.columns.filter((column) => !there.has(column));
  if (lacking.length > 0) {
    throw newerExport(
      manifest,
      lacking.map((column) => `${name}.${column}`),
    );
  }
  const writable = new Set(writtenColumns(table));
  return {
    name,
    key,
    columns: exported.columns,
    exported,
    written: exported.columns.filter((column) => writable.has(column)),
    late: late.filter((column) => exported.columns.includes(column)),
  };
}

const newerExport = ({ schemaVersion }: Manifest, lacking: readonly string[]): ExportError =>
  new ExportError(
    `The export was taken at the schema ${schemaVersion} and holds ${lacking.join(', ')}, which the data source does not have: run \`cloister migrate\` first.`,
  );

/**
 * $1: the tenant, $2: rows as a JSON array. What it returns is for distributed engines: without it they
 * would write by COPY, which row security refuses (docs/decisions/0010-distributed-sessions.md).
 */
export function insertRows({ name, written, late }: ImportedTable): string {
  const table = `cloister.${quoteName(name)}`;
  const values = written.map((column) => (late.includes(column) ? 'null' : quoteName(column)));
  return `insert into ${table} (tenant_id, ${quoted(written)})
    select $1::uuid, ${values.join(', ')} from json_populate_recordset(null::${table}, $2::json)
    returning 1`;
}

/** The references that were left out, once all rows are there. $1 and $2 as above. */
export function updateReferences({ name, key, late }: ImportedTable): string {
  const table = `cloister.${quoteName(name)}`;
  const set = late.map((column) => `${quoteName(column)} = r.${quoteName(column)}`);
  const same = key.map((column) => `t.${quoteName(column)} = r.${quoteName(column)}`);
  const given = late.map((column) => `r.${quoteName(column)} is not null`);
  return `update ${table} t set ${set.join(', ')}
    from json_populate_recordset(null::${table}, $2::json) r
    where t.tenant_id = $1 and ${same.join(' and ')} and (${given.join(' or ')})`;
}
