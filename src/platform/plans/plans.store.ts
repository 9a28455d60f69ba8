/** Plans and what a tenant has of its own beside them. A limit that is null is none. */
import type { Knex } from 'knex';
import type { Placement } from '../../tenancy/registry.store';

export interface Limits {
  readonly users: number | null;
  readonly records: number | null;
  readonly storageBytes: number | null;
  readonly requestsPerMinute: number | null;
  readonly requestsPerDay: number | null;
}

export interface Plan {
  readonly name: string;
  readonly placements: readonly Placement[];
  readonly selfService: boolean;
  readonly trialDays: number | null;
  readonly limits: Limits;
}

/** Columns of a plan, and names in a tenant's `limit_overrides`. */
export const LIMIT_COLUMNS = {
  users: 'max_users',
  records: 'max_records',
  storageBytes: 'max_storage_bytes',
  requestsPerMinute: 'requests_per_minute',
  requestsPerDay: 'requests_per_day',
} as const satisfies Record<keyof Limits, string>;

export const LIMIT_NAMES = Object.keys(LIMIT_COLUMNS) as readonly (keyof Limits)[];

type PlanRow = Omit<Plan, 'limits'> & Readonly<Record<keyof Limits, number | string | null>>;

const PLAN_COLUMNS = {
  name: 'name',
  placements: 'placements',
  selfService: 'self_service',
  trialDays: 'trial_days',
  ...LIMIT_COLUMNS,
};

/** bigint comes as text; these are far below 2^53. */
const toNumber = (value: number | string | null): number | null =>
  value === null ? null : Number(value);

const toLimits = (row: Readonly<Record<keyof Limits, number | string | null>>): Limits => ({
  users: toNumber(row.users),
  records: toNumber(row.records),
  storageBytes: toNumber(row.storageBytes),
  requestsPerMinute: toNumber(row.requestsPerMinute),
  requestsPerDay: toNumber(row.requestsPerDay),
});

const toPlan = (row: PlanRow): Plan => ({
  name: row.name,
  placements: row.placements,
  selfService: row.selfService,
  trialDays: row.trialDays,
  limits: toLimits(row),
});

export async function listPlans(db: Knex): Promise<Plan[]> {
  const rows = await db('registry.plans').orderBy('name').select<PlanRow[]>(PLAN_COLUMNS);
  return rows.map(toPlan);
}

export async function findPlan(db: Knex, name: string): Promise<Plan | undefined> {
  const row = await db('registry.plans')
    .where('name', name)
    .first<PlanRow | undefined>(PLAN_COLUMNS);
  return row === undefined ? undefined : toPlan(row);
}

export interface TenantLimits {
  readonly plan: string;
  readonly limits: Limits;
}

/** The plan's limits with the tenant's own in their place. */
export async function findTenantLimits(
  db: Knex,
  tenantId: string,
): Promise<TenantLimits | undefined> {
  const columns = Object.entries(LIMIT_COLUMNS).map(
    ([name, column]) =>
      `case when t.limit_overrides ? '${column}' then (t.limit_overrides ->> '${column}')::bigint
            else p.${column} end as "${name}"`,
  );
  const { rows } = await db.raw<{
    rows: (Record<keyof Limits, string | null> & { plan: string })[];
  }>(
    // Knex takes a question mark for a value: the operator is written \\?
    `select t.plan, ${columns.join(', ').replaceAll('?', '\\?')}
     from registry.tenants t join registry.plans p on p.name = t.plan where t.id = ?`,
    [tenantId],
  );
  const [row] = rows;
  return row === undefined ? undefined : { plan: row.plan, limits: toLimits(row) };
}
