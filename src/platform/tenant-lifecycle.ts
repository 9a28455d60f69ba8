/**
 * A tenant's life in service: trial → active → suspended → closed.
 *
 * Whatever changes here is one row of the registry, whose trigger tells every process; a process that
 * hears nothing believes what it knows for four seconds. A tenant out of service keeps all its data:
 * its requests and log-ins are refused, nothing else happens to it. Closing is for good but for the
 * days in which an operator can reopen.
 */
import type { Knex } from 'knex';
import { AppError, badUserInput, notFound } from '../errors';
import { DAY } from '../lib/duration';
import { actingAs } from '../tenancy/acting-as';
import type { Placement, TenantStatus } from '../tenancy/registry.store';

export interface LifecycleDependencies {
  readonly registryDb: Knex;
}

export interface LifecycleChange {
  readonly tenantId: string;
  /** Who does it, for the audit log: `operator:ada@example.test`, `command-line`, `job:…`. */
  readonly actor: string;
  /** For whoever looks later; never shown to the tenant. */
  readonly reason?: string;
}

export interface PlanChange extends LifecycleChange {
  readonly plan: string;
}

/** The tenant after the change. */
export interface TenantLife {
  readonly id: string;
  readonly slug: string;
  readonly status: TenantStatus;
  readonly statusReason: string;
  readonly plan: string;
  readonly trialEndsAt: Date | null;
  readonly closedAt: Date | null;
}

export const REOPEN_WITHIN_DAYS = 30;
const TRIAL_ENDED = 'trial ended';

const COLUMNS = {
  id: 'id',
  slug: 'slug',
  status: 'status',
  statusReason: 'status_reason',
  plan: 'plan',
  trialEndsAt: 'trial_ends_at',
  closedAt: 'closed_at',
} as const satisfies Record<keyof TenantLife, string>;

/** Repeating what has been done already changes nothing, here and below. @throws NOT_FOUND, CONFLICT. */
export const suspendTenant = (
  deps: LifecycleDependencies,
  change: LifecycleChange,
): Promise<TenantLife> =>
  changing(deps, change, async ({ tenant, set }) => {
    if (tenant.status === 'suspended') return;
    refuseUnless(tenant, ['trial', 'active'], 'suspended');
    await set({ status: 'suspended' });
  });

/** Back into service: on trial while that lasts, else active. @throws NOT_FOUND, CONFLICT. */
export const resumeTenant = (
  deps: LifecycleDependencies,
  change: LifecycleChange,
): Promise<TenantLife> =>
  changing(deps, change, async ({ tenant, set, now }) => {
    if (tenant.status === 'active' || onTrial(tenant, now)) return;
    refuseUnless(tenant, ['suspended', 'trial'], 'resumed');
    await set({ status: statusInService(tenant, now) });
  });

/** @throws NOT_FOUND, CONFLICT. */
export const closeTenant = (
  deps: LifecycleDependencies,
  change: LifecycleChange,
): Promise<TenantLife> =>
  changing(deps, change, async ({ tenant, set, now }) => {
    if (tenant.status === 'closed') return;
    refuseUnless(tenant, ['trial', 'active', 'suspended'], 'closed');
    await set({ status: 'closed', closed_at: now });
  });

/** The way back from closed, for an operator and for `REOPEN_WITHIN_DAYS`. @throws NOT_FOUND, CONFLICT. */
export const reopenTenant = (
  deps: LifecycleDependencies,
  change: LifecycleChange,
): Promise<TenantLife> =>
  changing(deps, change, async ({ tenant, set, now }) => {
    refuseUnless(tenant, ['closed'], 'reopened');
    const closedAt = tenant.closedAt ?? now;
    if (now.getTime() - closedAt.getTime() > REOPEN_WITHIN_DAYS * DAY) {
      throw conflict(
        `Expected a tenant closed within the last ${REOPEN_WITHIN_DAYS} days, but "${tenant.slug}" was closed on ${closedAt.toISOString()}: it stays closed.`,
      );
    }
    // Not refused for a trial that ended: it is suspended then, and a plan makes it go on.
    const status = isOver(tenant, now) ? 'suspended' : statusInService(tenant, now);
    await set({ status, closed_at: null });
  });

/**
 * Puts the tenant on another plan. One without a trial makes a trial, also one that has ended, an
 * active tenant; one with a trial begins it.
 * @throws NOT_FOUND, BAD_USER_INPUT (no such plan), CONFLICT (a plan that does not allow its placement).
 */
export const changePlan = (deps: LifecycleDependencies, change: PlanChange): Promise<TenantLife> =>
  changing(deps, change, async ({ tenant, set, now, trx }) => {
    if (tenant.plan === change.plan) return;
    refuseUnless(tenant, ['trial', 'active', 'suspended'], 'put on another plan');
    const plan = await trx('registry.plans')
      .where('name', change.plan)
      .first<PlanRow | undefined>({ trialDays: 'trial_days', placements: 'placements' });
    if (plan === undefined) {
      const names = await trx('registry.plans').orderBy('name').pluck<string[]>('name');
      throw badUserInput(`Expected one of the plans ${names.join(', ')}, got another.`, {
        field: 'plan',
      });
    }
    const placement = await placementOf(trx, tenant.id);
    if (placement !== undefined && !plan.placements.includes(placement)) {
      throw conflict(
        `The plan "${change.plan}" allows ${plan.placements.join(', ')}, but "${tenant.slug}" is ${placement}: move it first.`,
      );
    }
    const trialEndsAt =
      plan.trialDays === null ? null : new Date(now.getTime() + plan.trialDays * DAY);
    // Suspended by hand it stays so; suspended because its trial was over it was waiting for this.
    const stays = tenant.status === 'suspended' && tenant.statusReason !== TRIAL_ENDED;
    await set({
      plan: change.plan,
      trial_ends_at: trialEndsAt,
      ...(stays ? {} : { status: trialEndsAt === null ? 'active' : 'trial' }),
    });
  });

/**
 * One round of the job that ends trials; requests are refused from the moment of the end without it.
 * @returns how many it suspended.
 */
export async function endTrials(
  { registryDb }: LifecycleDependencies,
  actor = 'job:end-trials',
): Promise<number> {
  return actingAs(registryDb, actor, async (_registry, trx) =>
    trx('registry.tenants')
      .where('status', 'trial')
      .where('trial_ends_at', '<=', trx.fn.now())
      .update({
        status: 'suspended',
        status_reason: TRIAL_ENDED,
        status_changed_at: trx.fn.now(),
        updated_at: trx.fn.now(),
      }),
  );
}

interface PlanRow {
  readonly trialDays: number | null;
  readonly placements: readonly Placement[];
}

interface Changing {
  readonly tenant: TenantLife;
  readonly trx: Knex.Transaction;
  readonly now: Date;
  set(columns: Readonly<Record<string, unknown>>): Promise<void>;
}

async function changing(
  { registryDb }: LifecycleDependencies,
  { tenantId, actor, reason = '' }: LifecycleChange,
  work: (changing: Changing) => Promise<void>,
): Promise<TenantLife> {
  return actingAs(registryDb, actor, async (_registry, trx) => {
    const row = () => trx<TenantLife>('registry.tenants').select(COLUMNS).where('id', tenantId);
    // Locked: of two changes at once the second sees what the first made.
    const tenant = await row().forUpdate().first();
    if (tenant === undefined) throw notFound('tenant');
    let changed = false;
    await work({
      tenant,
      trx,
      now: new Date(),
      async set(columns) {
        changed = true;
        const times = { status_changed_at: trx.fn.now(), updated_at: trx.fn.now() };
        await trx('registry.tenants')
          .where('id', tenantId)
          .update({ ...columns, status_reason: reason, ...times });
      },
    });
    return changed ? ((await row().first()) ?? tenant) : tenant;
  });
}

const isOver = ({ trialEndsAt }: TenantLife, now: Date): boolean =>
  trialEndsAt !== null && trialEndsAt <= now;
const onTrial = (tenant: TenantLife, now: Date): boolean =>
  tenant.status === 'trial' && !isOver(tenant, now);

function statusInService(tenant: TenantLife, now: Date): TenantStatus {
  if (!isOver(tenant, now)) return tenant.trialEndsAt === null ? 'active' : 'trial';
  throw conflict(`The trial of "${tenant.slug}" has ended: put it on a plan without a trial.`);
}

function refuseUnless(
  { slug, status }: TenantLife,
  from: readonly TenantStatus[],
  becomes: string,
): void {
  if (from.includes(status)) return;
  throw conflict(
    `Expected a tenant that is ${from.join(' or ')}, but "${slug}" is ${status}: it cannot be ${becomes}.`,
  );
}

const placementOf = async (trx: Knex.Transaction, tenantId: string) =>
  (
    await trx('registry.data_sources as d')
      .join('registry.tenants as t', 't.data_source_id', 'd.id')
      .where('t.id', tenantId)
      .first<{ placement: Placement } | undefined>('d.placement')
  )?.placement;

const conflict = (message: string): AppError => new AppError('CONFLICT', message);
