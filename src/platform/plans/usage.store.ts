/** What has been measured and counted of tenants, in the registry: numbers and nothing else. */
import type { Knex } from 'knex';
import type { Measured } from './measure-tenant';

export interface MeasuredAt extends Measured {
  readonly measuredAt: Date;
}

export async function findUsage(db: Knex, tenantId: string): Promise<MeasuredAt | undefined> {
  const row = await db('registry.tenant_usage')
    .where('tenant_id', tenantId)
    .first<{ users: string; records: string; storageBytes: string; measuredAt: Date } | undefined>({
      users: 'users',
      records: 'records',
      storageBytes: 'storage_bytes',
      measuredAt: 'measured_at',
    });
  if (row === undefined) return undefined;
  return {
    users: Number(row.users),
    records: Number(row.records),
    storageBytes: Number(row.storageBytes),
    measuredAt: row.measuredAt,
  };
}

export async function saveUsage(
  db: Knex,
  tenantId: string,
  { users, records, storageBytes }: Measured,
): Promise<MeasuredAt> {
  const measuredAt = new Date();
  const columns = { users, records, storage_bytes: storageBytes, measured_at: measuredAt };
  await db('registry.tenant_usage')
    .insert({ tenant_id: tenantId, ...columns })
    .onConflict('tenant_id')
    .merge(columns);
  return { users, records, storageBytes, measuredAt };
}

/** Adds what this process has counted. @returns the day's total of all processes, by tenant. */
export async function addRequests(
  db: Knex,
  day: string,
  counts: ReadonlyMap<string, number>,
): Promise<Map<string, number>> {
  // In order, so that two processes that write the same rows do not wait for each other; a tenant
  // that was deleted meanwhile has nothing to count any more.
  const { rows } = await db.raw<{ rows: { id: string; requests: string }[] }>(
    `insert into registry.tenant_requests as r (tenant_id, day, requests)
     select t.id, ?::date, c.requests
     from unnest(?::uuid[], ?::bigint[]) as c (id, requests) join registry.tenants t on t.id = c.id
     order by t.id
     on conflict (tenant_id, day)
       do update set requests = r.requests + excluded.requests, updated_at = now()
     returning tenant_id as id, requests`,
    [day, [...counts.keys()], [...counts.values()]],
  );
  return new Map(rows.map(({ id, requests }) => [id, Number(requests)]));
}

export async function findRequests(db: Knex, day: string, tenantId: string): Promise<number> {
  const row = await db('registry.tenant_requests')
    .where({ tenant_id: tenantId, day })
    .first<{ requests: string } | undefined>('requests');
  return Number(row?.requests ?? 0);
}

/** Server processes that hear of changes to the registry; each has one connection for it. */
export async function countProcesses(db: Knex): Promise<number> {
  const { rows } = await db.raw<{ rows: { count: number }[] }>(
    `select count(*)::int as count from pg_stat_activity
     where application_name = 'cloister-listener' and datname = current_database()`,
  );
  return Math.max(1, rows[0]?.count ?? 1);
}

/** Tenants that were used since they were measured, those waiting longest first. */
export async function listUnmeasured(db: Knex, limit: number): Promise<string[]> {
  const { rows } = await db.raw<{ rows: { id: string }[] }>(
    `select t.id
     from registry.tenants t left join registry.tenant_usage u on u.tenant_id = t.id
     where t.status in ('trial', 'active') and t.data_source_id is not null
       and (u.measured_at is null or u.measured_at < now() - interval '1 day'
         or exists (select from registry.tenant_requests r
                    where r.tenant_id = t.id and r.updated_at > u.measured_at))
     order by u.measured_at nulls first
     limit ?`,
    [limit],
  );
  return rows.map(({ id }) => id);
}
