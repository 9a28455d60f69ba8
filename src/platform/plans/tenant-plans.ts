/**
 * What a plan allows, asked while a tenant works: requests before they are served, users and records
 * once they are written and before they are committed, and what is used for whoever wants to know.
 *
 * No write counts all there is: what was measured last, with what this process has written since, is
 * enough while it is well below the limit; near it the exact number is taken, in the transaction that
 * wrote. Of a tenant that was not measured yet that number is believed for a while. Why it is done so:
 * docs/decisions/0007-plan-limits.md. While the registry is down nobody is refused for a limit that is
 * not known.
 */
import { LRUCache } from 'lru-cache';
import type { SqlRunner } from '../../database/statement';
import { notFound, unauthenticated } from '../../errors';
import { SECOND } from '../../lib/duration';
import type { TenantPlan, TenantUsageFacts } from '../../request/context';
import type { TenantRow } from '../../tenancy/registry.store';
import type { Tenancy } from '../../tenancy/tenancy';
import {
  admits,
  giveBack,
  isCurrent,
  isFarFrom,
  isStorageUsedUp,
  type Counted,
  type KnownTenant,
} from './known-tenant';
import { measureDue, type MeasuringOptions } from './measure-due';
import { countLive, measureTenant } from './measure-tenant';
import { findTenantLimits } from './plans.store';
import { createRequestCounts, dayOf } from './request-counts';
import {
  addRequests,
  countProcesses,
  findRequests,
  findUsage,
  saveUsage,
  type MeasuredAt,
} from './usage.store';

export interface TenantPlans {
  /** @throws RATE_LIMITED. Never waits: limits that are not known yet are found out meanwhile. */
  takeRequest(tenant: TenantRow): void;
  /** Without a tenant each call @throws UNAUTHENTICATED. */
  of(tenant: TenantRow | undefined): TenantPlan;
  /** One round: tenants that were used since they were measured, and all of them daily. @returns how many. */
  measureUsage(options?: MeasuringOptions): Promise<number>;
  close(): Promise<void>;
}

export interface TenantPlansOptions {
  readonly flushEveryMs?: number;
}

const MAX_TENANTS = 50_000;
const FRESH_FOR_MS = 5 * SECOND;

export function createTenantPlans(
  tenancy: Tenancy,
  { flushEveryMs = 10 * SECOND }: TenantPlansOptions = {},
): TenantPlans {
  const { registryDb } = tenancy;
  const cache = new LRUCache<string, Promise<KnownTenant>>({ max: MAX_TENANTS });
  /** The outcomes, for those who cannot wait. */
  const latest = new LRUCache<string, KnownTenant>({ max: MAX_TENANTS });
  const requests = createRequestCounts({
    addRequests: (day, counts) => addRequests(registryDb, day, counts),
    countProcesses: () => countProcesses(registryDb),
  });

  async function load(row: TenantRow, before: KnownTenant | undefined): Promise<KnownTenant> {
    const [allowed, measured] = await Promise.all([
      findTenantLimits(registryDb, row.id),
      findUsage(registryDb, row.id),
    ]);
    const same = before?.measured?.measuredAt.getTime() === measured?.measuredAt.getTime();
    // Of a tenant that was not measured, what was written is in the number that is taken next.
    const kept = measured !== undefined && same ? before?.since : undefined;
    const since = kept ?? { users: 0, records: 0 };
    const known = { row, loadedAt: Date.now(), allowed, measured, since, counted: {} };
    latest.set(row.id, known);
    return known;
  }

  async function know(row: TenantRow): Promise<KnownTenant> {
    const known = cache.get(row.id);
    const before = await known?.catch(() => undefined);
    if (before !== undefined && isCurrent(before, row)) return before;
    // Somebody else may have begun meanwhile.
    const current = cache.get(row.id);
    if (current !== undefined && current !== known) return current;
    const loading = load(row, before);
    cache.set(row.id, loading);
    loading.catch(() => {
      if (cache.peek(row.id) === loading) cache.delete(row.id);
    });
    return loading;
  }

  const remember = (known: KnownTenant, measured: MeasuredAt): void => {
    const since = { users: 0, records: 0 };
    const current = { ...known, measured, since, counted: {} };
    cache.set(known.row.id, Promise.resolve(current));
    latest.set(known.row.id, current);
  };

  async function refusal(
    row: TenantRow,
    tx: SqlRunner,
    what: Counted,
    created: number,
  ): Promise<string | undefined> {
    if (created === 0) return undefined;
    const known = await know(row).catch(() => undefined);
    if (known?.allowed === undefined) return undefined;
    const { plan, limits: allowed } = known.allowed;
    known.since[what] += created;
    if (isStorageUsedUp(known)) {
      return `The storage of the plan "${plan}" is used up (${allowed.storageBytes} bytes).`;
    }
    const limit = allowed[what];
    if (limit === null || isFarFrom(limit, known, what)) return undefined;
    const exact = await countLive(tx, what);
    known.counted[what] = exact;
    if (exact <= limit) return undefined;
    known.since[what] -= created; // it is rolled back
    return `The plan "${plan}" allows ${limit} ${what}: there are ${exact - created} already.`;
  }

  /** Not awaited: what is not known now is found out by `refusal`. */
  function admitsNow(row: TenantRow, what: Counted, created: number): boolean {
    const known = latest.get(row.id);
    return known !== undefined && isCurrent(known, row) && admits(known, what, created);
  }

  function takeBack(row: TenantRow, what: Counted, created: number): void {
    const known = latest.get(row.id);
    if (known !== undefined) giveBack(known, what, created);
  }

  async function measure(row: TenantRow): Promise<MeasuredAt> {
    const session = tenancy.openSession(row);
    try {
      return await saveUsage(registryDb, row.id, await measureTenant(session));
    } finally {
      await session.end();
    }
  }

  async function usage(row: TenantRow): Promise<TenantUsageFacts> {
    const known = await know(row);
    if (known.allowed === undefined) throw notFound('plan');
    let { measured } = known;
    if (measured === undefined || Date.now() - measured.measuredAt.getTime() > FRESH_FOR_MS) {
      measured = await measure(row);
      remember(known, measured);
    }
    await requests.flush();
    const { plan, limits: allowed } = known.allowed;
    return {
      plan,
      trialEndsAt: row.trialEndsAt,
      users: { used: measured.users, limit: allowed.users },
      records: { used: measured.records, limit: allowed.records },
      storageBytes: { used: measured.storageBytes, limit: allowed.storageBytes },
      requestsToday: {
        used: await findRequests(registryDb, dayOf(Date.now()), row.id),
        limit: allowed.requestsPerDay,
      },
      requestsPerMinute: allowed.requestsPerMinute,
    };
  }

  const timer = setInterval(() => void requests.flush(), flushEveryMs);
  timer.unref();

  return {
    takeRequest(row) {
      const known = latest.get(row.id);
      // Not awaited: the next request knows. Asked for before this one may be refused, or whoever is
      // refused by a limit that was raised meanwhile would never hear of it.
      if (known === undefined || !isCurrent(known, row)) void know(row).catch(() => undefined);
      requests.take(row.id, known?.allowed?.limits);
    },
    of: (row) => ({
      refusal: async (tx, what, created) =>
        row === undefined ? refuse() : refusal(row, tx, what, created),
      admits: (what, created) => (row === undefined ? refuse() : admitsNow(row, what, created)),
      giveBack: (what, created) => (row === undefined ? refuse() : takeBack(row, what, created)),
      usage: async () => (row === undefined ? refuse() : usage(row)),
    }),
    // One whose data source is down is measured when it is back.
    measureUsage: (options) => measureDue(tenancy, measure, options),
    async close() {
      clearInterval(timer);
      await requests.flush();
    },
  };
}

const refuse = (): never => {
  throw unauthenticated();
};
