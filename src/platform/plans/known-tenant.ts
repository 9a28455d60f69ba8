/** What a process knows of a tenant's plan and of what it uses; arithmetic, and no database. */
import { MINUTE } from '../../lib/duration';
import type { TenantRow } from '../../tenancy/registry.store';
import type { TenantLimits } from './plans.store';
import type { MeasuredAt } from './usage.store';

export type Counted = 'users' | 'records';

export interface KnownTenant {
  /** As the directory has it: another one means that something of the tenant was changed. */
  readonly row: TenantRow;
  readonly loadedAt: number;
  readonly allowed: TenantLimits | undefined;
  readonly measured: MeasuredAt | undefined;
  /** Written here since it was measured. */
  readonly since: Record<Counted, number>;
  /** Counted here, where it was not measured yet; believed as long as this is. */
  readonly counted: Partial<Record<Counted, number>>;
}

/** Plans change rarely, and what other processes measure is wanted in time. */
const BELIEVED_FOR_MS = MINUTE;
/** From this share of a limit on, the exact number is taken. */
const NEAR = 0.9;

export const isCurrent = (known: KnownTenant, row: TenantRow): boolean =>
  known.row === row && Date.now() - known.loadedAt < BELIEVED_FOR_MS;

export function isStorageUsedUp({ allowed, measured }: KnownTenant): boolean {
  const { storageBytes = null } = allowed?.limits ?? {};
  return storageBytes !== null && (measured?.storageBytes ?? 0) >= storageBytes;
}

/** Of a tenant that was neither measured nor counted nothing is sure. */
export function isFarFrom(
  limit: number,
  { measured, counted, since }: KnownTenant,
  what: Counted,
): boolean {
  const baseline = measured?.[what] ?? counted[what] ?? limit;
  return baseline + since[what] < limit * NEAR;
}

/** Whether so many more are surely allowed; they are counted as written then. */
export function admits(known: KnownTenant, what: Counted, created: number): boolean {
  if (known.allowed === undefined || isStorageUsedUp(known)) return false;
  known.since[what] += created;
  const limit = known.allowed.limits[what];
  if (limit === null || isFarFrom(limit, known, what)) return true;
  known.since[what] -= created;
  return false;
}

/** What was admitted and not written. What was measured in between knows nothing of it. */
export function giveBack({ since }: KnownTenant, what: Counted, created: number): void {
  since[what] = Math.max(0, since[what] - created);
}
