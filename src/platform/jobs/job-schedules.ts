/**
 * What recurs, at the time it is due: rows in `jobs.job_schedules`, looked at by every process that
 * works. One that is due is moved on and its jobs are made in the same transaction, so that each
 * period has its jobs exactly once however many processes look. What was missed while nobody looked
 * is made up for once, not once for each period.
 */
import { createHash } from 'node:crypto';
import type { JobData, JobDefinition, Recurrence } from './job.port';
import type { Boss } from './job-queues';
import type { JobsDatabase, JobsExecutor } from './jobs-database';

export interface TenantSchedule extends Recurrence {
  readonly tenantId: string;
  readonly data?: JobData;
}

const AT_ONCE = 100;
/** Jobs of all tenants do not begin in the same second: they are spread over so long at most. */
const SPREAD_SECONDS = 600;

/** The next start of a period after now, given the columns or parameters of its period. */
const nextRun = (every: string, at: string): string =>
  `to_timestamp((floor((extract(epoch from now()) - ${at}) / ${every}) + 1) * ${every} + ${at})`;

const UPSERT = `
  insert into jobs.job_schedules as s (name, tenant_id, every_seconds, at_seconds, each_tenant, data, next_run_at)
  values ($1, $2, $3::int, $4::int, $5, $6, ${nextRun('$3::int', '$4::int')})
  on conflict (name, coalesce(tenant_id, '00000000-0000-0000-0000-000000000000')) do update set
    every_seconds = excluded.every_seconds, at_seconds = excluded.at_seconds,
    each_tenant = excluded.each_tenant, data = excluded.data,
    next_run_at = case when (s.every_seconds, s.at_seconds) = (excluded.every_seconds, excluded.at_seconds)
                       then s.next_run_at else excluded.next_run_at end`;

const TAKE_DUE = `
  update jobs.job_schedules s set last_run_at = now(), next_run_at = ${nextRun('s.every_seconds', 's.at_seconds')}
  from (select name, tenant_id from jobs.job_schedules where next_run_at <= now() and name = any($1)
        order by next_run_at limit ${AT_ONCE} for update skip locked) due
  where s.name = due.name and s.tenant_id is not distinct from due.tenant_id
  returning s.name, s.tenant_id, s.each_tenant, s.every_seconds, s.data`;

/** Those in use; one with a schedule of its own follows that alone. */
const TENANTS = `
  select id from registry.tenants t where status in ('trial', 'active') and not exists
    (select from jobs.job_schedules s where s.name = $1 and s.tenant_id = t.id)`;

interface DueRow {
  readonly name: string;
  readonly tenant_id: string | null;
  readonly each_tenant: boolean;
  readonly every_seconds: number;
  readonly data: JobData;
}

export async function keepSchedule(
  db: JobsExecutor,
  name: string,
  recurs: Recurrence & { readonly eachTenant?: boolean },
  tenant: { readonly tenantId: string; readonly data?: JobData } | undefined = undefined,
): Promise<void> {
  const { everySeconds, atSeconds = 0, eachTenant = false } = recurs;
  const data = JSON.stringify(tenant?.data ?? {});
  await db.executeSql(UPSERT, [
    name,
    tenant?.tenantId ?? null,
    everySeconds,
    atSeconds,
    eachTenant,
    data,
  ]);
}

export async function dropSchedule(db: JobsExecutor, name: string, tenantId: string) {
  const text = 'delete from jobs.job_schedules where name = $1 and tenant_id = $2';
  await db.executeSql(text, [name, tenantId]);
}

/** Makes the jobs of what is due. @returns how many schedules were. */
export function runDueSchedules(
  db: JobsDatabase,
  boss: Boss,
  definitions: ReadonlyMap<string, JobDefinition>,
): Promise<number> {
  return db.transaction(async (tx) => {
    const { rows } = await tx.executeSql<DueRow>(TAKE_DUE, [[...definitions.keys()]]);
    for (const row of rows) {
      const jobs = row.each_tenant ? await jobsOfTenants(tx, row) : [jobOf(row, row.tenant_id)];
      if (jobs.length > 0) await boss.insert(jobs, { db: tx });
    }
    return rows.length;
  });
}

async function jobsOfTenants(tx: JobsExecutor, row: DueRow) {
  const { rows } = await tx.executeSql<{ id: string }>(TENANTS, [row.name]);
  const spread = Math.min(SPREAD_SECONDS, Math.floor(row.every_seconds / 2));
  return rows.map(({ id }) => ({
    ...jobOf(row, id),
    ...(spread === 0 ? {} : { startAfter: String(hashOf(id) % spread) }),
  }));
}

const jobOf = ({ name, data }: DueRow, tenantId: string | null) => ({
  name,
  data: tenantId === null ? data : { ...data, tenantId },
  ...(tenantId === null ? {} : { singletonKey: tenantId }),
});

const hashOf = (text: string): number => createHash('sha256').update(text).digest().readUInt32BE();
