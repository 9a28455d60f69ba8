/**
 * What a tenant has in its data source: users, records and bytes. The tables are those that the
 * database has, so that a kind which a migration adds is counted without another word.
 *
 * Bytes are the tenant's share of what each table takes with its indexes, by the number of rows: the
 * sizes of single rows would have to be read one by one. Of a database of its own it is all of it.
 */
import type { SqlRunner } from '../../database/statement';
import { listTenantTables, quoteName, type TenantTable } from '../../tenancy/tenant-tables';

export interface Measured {
  readonly users: number;
  readonly records: number;
  readonly storageBytes: number;
}

type Reader = Pick<SqlRunner, 'query' | 'localTenantId'>;

export async function measureTenant(reader: Reader): Promise<Measured> {
  const tables = await listTenantTables(reader);
  const rows = await reader.query<{ name: string; live: string; bytes: string }>({
    text: [...tables.map(oneTableSql), CHANGE_LOG].join('\nunion all\n'),
    values: [reader.localTenantId],
  });
  const live = new Map(rows.map(({ name, live: count }) => [name, Number(count)]));
  const records = tables.filter(isRecords).map(({ name }) => live.get(name) ?? 0);
  return {
    users: live.get('users') ?? 0,
    records: sum(records),
    storageBytes: Math.round(sum(rows.map(({ bytes }) => Number(bytes)))),
  };
}

/** The exact number, for whoever is near a limit. */
export async function countLive(reader: Reader, what: 'users' | 'records'): Promise<number> {
  const tables = (await listTenantTables(reader)).filter(
    (table) => (table.name === 'users') === (what === 'users') && isVersioned(table),
  );
  const rows = await reader.query<{ count: string }>({
    text: tables
      .map(
        ({ name }) =>
          `select count(*) as count from cloister.${quoteName(name)} where tenant_id = $1 and deleted_at is null`,
      )
      .join('\nunion all\n'),
    values: [reader.localTenantId],
  });
  return sum(rows.map(({ count }) => Number(count)));
}

/** What the API shows as records: they have a version and can be deleted and restored. */
const isVersioned = ({ columns }: TenantTable): boolean =>
  ['version', 'deleted_at'].every((wanted) => columns.some(({ name }) => name === wanted));
const isRecords = (table: TenantTable): boolean => table.name !== 'users' && isVersioned(table);

const sum = (numbers: readonly number[]): number => numbers.reduce((all, each) => all + each, 0);

const tableSql = (name: string, live: string): string => `
  select c.relname::text as name, n.live,
         n.rows * pg_total_relation_size(c.oid) / greatest(c.reltuples, n.rows, 1) as bytes
  from (select count(*) as rows, ${live} as live from cloister.${quoteName(name)} where tenant_id = $1) n
  join pg_class c on c.oid = 'cloister.${quoteName(name)}'::regclass`;
const oneTableSql = (table: TenantTable): string =>
  tableSql(
    table.name,
    isVersioned(table) ? 'count(*) filter (where deleted_at is null)' : 'count(*)',
  );
const CHANGE_LOG = tableSql('change_log', 'count(*)');
