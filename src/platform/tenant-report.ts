/** Everything about a tenant that is no secret, for operators. */
import type { SqlRunner } from '../database/statement';
import { openPlace } from '../tenancy/move/place';
import type { TenantRow } from '../tenancy/registry.store';
import type { Tenancy } from '../tenancy/tenancy';
import { quoteName } from '../tenancy/tenant-tables';

export interface TenantReport {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly status: string;
  readonly statusReason: string;
  readonly statusChangedAt: Date;
  readonly plan: string;
  readonly subscriptionStatus: string;
  readonly trialEndsAt: Date | null;
  readonly closedAt: Date | null;
  readonly region: string;
  readonly notes: string;
  readonly createdAt: Date;
  readonly lastAccessedAt: Date | null;
  readonly limitOverrides: Readonly<Record<string, unknown>>;
  readonly dataSource: {
    readonly name: string;
    readonly placement: string;
    readonly status: string;
    readonly region: string;
    readonly schemaVersion: string | null;
    readonly tenantId: string;
  } | null;
  readonly emails: number;
  readonly hostnames: readonly string[];
  readonly phoneNumbers: readonly string[];
  /** By table; only when asked for. */
  readonly rows?: Readonly<Record<string, number>>;
}

const REPORT = `
  select t.id, t.slug, t.name, t.status, t.status_reason as "statusReason",
    t.status_changed_at as "statusChangedAt", t.plan, t.subscription_status as "subscriptionStatus",
    t.trial_ends_at as "trialEndsAt", t.closed_at as "closedAt", t.region, t.notes,
    t.created_at as "createdAt", t.last_accessed_at as "lastAccessedAt",
    t.limit_overrides as "limitOverrides",
    case when d.id is not null then json_build_object(
      'name', d.name, 'placement', d.placement, 'status', d.status, 'region', d.region,
      'schemaVersion', d.schema_version, 'tenantId', t.tenant_id_in_data_source) end as "dataSource",
    (select count(*)::int from registry.email_index where tenant_id = t.id) as emails,
    array(select hostname from registry.hostnames where tenant_id = t.id order by hostname) as hostnames,
    array(select number from registry.phone_numbers where tenant_id = t.id order by number) as "phoneNumbers"
  from registry.tenants t left join registry.data_sources d on d.id = t.data_source_id
  where t.id = ?`;

/** @throws TENANT_UNAVAILABLE when rows are to be counted and cannot be. */
export async function reportTenant(
  { registryDb, directory }: Tenancy,
  tenant: TenantRow,
  { countRows = false }: { readonly countRows?: boolean } = {},
): Promise<TenantReport> {
  const { rows } = await registryDb.raw<{ rows: TenantReport[] }>(REPORT, [tenant.id]);
  const [report] = rows;
  if (report === undefined) throw new Error('The tenant was found and is gone.');
  if (!countRows || tenant.dataSourceId === null) return report;
  const source = await directory.getDataSource(tenant);
  const place = await openPlace(source, tenant.tenantIdInDataSource);
  try {
    const counted = await place.read(countTenantRows);
    return {
      ...report,
      rows: Object.fromEntries(counted.map(({ table, rows: count }) => [table, count])),
    };
  } finally {
    await place.close();
  }
}

/** In every table that could hold some, whether or not a list of ours names it. */
export async function countTenantRows(
  tx: Pick<SqlRunner, 'query' | 'localTenantId'>,
): Promise<{ table: string; rows: number }[]> {
  const tables = await tx.query<{ name: string }>({
    text: `select c.relname as name from pg_class c
           join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
           where c.relnamespace = 'cloister'::regnamespace and c.relkind in ('r', 'p')
           order by c.relname`,
    values: [],
  });
  const counted = [];
  for (const { name } of tables) {
    const [row] = await tx.query<{ rows: number }>({
      text: `select count(*)::int as rows from cloister.${quoteName(name)} where tenant_id = $1`,
      values: [tx.localTenantId],
    });
    counted.push({ table: name, rows: row?.rows ?? 0 });
  }
  return counted;
}
