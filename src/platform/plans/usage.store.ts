/** What has been measured and counted of tenants, in the registry: numbers and nothing else. */
import type { Knex } from 'knex';
import type { Measured } from './measure-tenant';

const MEASURED_EVERY = '1 day';
/** Whoever works all day is measured so often. */
const MEASURED_AFTER_USE = '5 minutes';
/** Longer than a batch takes; also the pause before a data source that is down is asked again. */
const TAKEN_FOR = '15 minutes';

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

/**
 * Adds what this process has counted, and lets those who used anything be measured soon.
 * @returns the day's total of all processes, by tenant.
 */
export async function addRequests(
  db: Knex,
  day: string,
  counts: ReadonlyMap<string, number>,
): Promise<Map<string, number>> {
  // In order, so that two processes that write the same rows do not wait for each other; a tenant
  // that was deleted meanwhile has nothing to count any more. A row of the queue that somebody holds
  // is left to them: whoever goes on working is counted again in a moment.
  const { rows } = await db.raw<{ rows: { id: string; requests: string }[] }>(
    `with counted as (
       insert into registry.tenant_requests as r (tenant_id, day, requests)
       select t.id, ?::date, c.requests
       from unnest(?::uuid[], ?::bigint[]) as c (id, requests) join registry.tenants t on t.id = c.id
       order by t.id
       on conflict (tenant_id, day)
         do update set requests = r.requests + excluded.requests, updated_at = now()
       returning tenant_id as id, requests
     ), sooner as (
       select d.tenant_id from counted c join registry.usage_due d on d.tenant_id = c.id
       where d.due_at > now() + interval '${MEASURED_AFTER_USE}'
       order by d.tenant_id for update of d skip locked
     ), hurried as (
       update registry.usage_due d set due_at = now() + interval '${MEASURED_AFTER_USE}'
       from sooner s where d.tenant_id = s.tenant_id
     )
     select id, requests from counted`,
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

/** Of days before the given one, the oldest first. @returns how many. */
export async function removeRequests(db: Knex, before: string, limit: number): Promise<number> {
  const { rowCount } = await db.raw<{ rowCount: number }>(
    `delete from registry.tenant_requests where ctid = any(array(
       select ctid from registry.tenant_requests where day < ?::date order by day limit ?))`,
    [before, limit],
  );
  return rowCount;
}

/** Server processes that hear of changes to the registry; each has one connection for it. */
export async function countProcesses(db: Knex): Promise<number> {
  const { rows } = await db.raw<{ rows: { count: number }[] }>(
    `select count(*)::int as count from pg_stat_activity
     where application_name = 'cloister-listener' and datname = current_database()`,
  );
  return Math.max(1, rows[0]?.count ?? 1);
}

/** Tenants whose turn it is, taken for a while by whoever asks. */
export interface TakenTenants {
  readonly ids: readonly string[];
  /** When they are due again, unless they are settled. */
  readonly dueAgainAt: Date | undefined;
}

/** Those that have waited longest. What is not settled comes up again, after the others. */
export async function takeDue(db: Knex, limit: number): Promise<TakenTenants> {
  const { rows } = await db.raw<{ rows: { id: string; dueAt: Date }[] }>(
    `update registry.usage_due d set due_at = now() + interval '${TAKEN_FOR}'
     from (select tenant_id from registry.usage_due where due_at <= now()
           order by due_at limit ? for update skip locked) longest
     where d.tenant_id = longest.tenant_id
     returning d.tenant_id as id, d.due_at as "dueAt"`,
    [limit],
  );
  return { ids: rows.map(({ id }) => id), dueAgainAt: rows[0]?.dueAt };
}

/**
 * Until tomorrow, or until they are used. One that was used while it was measured stays due: its time
 * is not the one that whoever took it had set.
 */
export async function settleDue(
  db: Knex,
  { dueAgainAt }: TakenTenants,
  measured: readonly string[],
): Promise<void> {
  await db.raw(
    `update registry.usage_due set due_at = now() + interval '${MEASURED_EVERY}'
     where tenant_id = any(?::uuid[]) and due_at = ?`,
    [[...measured], dueAgainAt ?? null],
  );
}

/** For those out of service; the registry puts them back when they are in service again. */
export async function removeDue(db: Knex, ids: readonly string[]): Promise<void> {
  await db.raw(
    `delete from registry.usage_due d using registry.tenants t
     where d.tenant_id = any(?::uuid[]) and t.id = d.tenant_id
       and (t.status not in ('trial', 'active') or t.data_source_id is null)`,
    [[...ids]],
  );
}
