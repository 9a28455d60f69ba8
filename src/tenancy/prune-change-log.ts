/** Shortens the change logs of all tenants by age. One round; whoever schedules it calls again. */
import { settleAll } from '../lib/settle-all';
import { DAY } from '../lib/duration';
import { removeOldChanges } from './change-log.store';
import { pagesOfTenants } from './pages-of-tenants';
import type { TenantRow } from './registry.store';
import type { Tenancy } from './tenancy';

export interface PruneOptions {
  /** How long changes are kept; at least 8 days, for a tenant's way back after a move follows the log. */
  readonly keepMs?: number;
  /** Of one transaction; a round goes on until a tenant has nothing older left. */
  readonly rowsAtOnce?: number;
  readonly signal?: AbortSignal;
}

export interface PruneRound {
  readonly removed: number;
  /** Tenants whose log could not be shortened, with the reason; they are tried again next time. */
  readonly failed: readonly { readonly tenantId: string; readonly reason: unknown }[];
}

export const KEEP_CHANGES_MS = 90 * DAY;
const KEEP_AT_LEAST_MS = 8 * DAY;
const TENANTS_AT_ONCE = 4;

export async function pruneChangeLog(
  tenancy: Pick<Tenancy, 'registry' | 'openSession'>,
  { keepMs = KEEP_CHANGES_MS, rowsAtOnce = 5000, signal }: PruneOptions = {},
): Promise<PruneRound> {
  if (keepMs < KEEP_AT_LEAST_MS) {
    throw new Error(
      `Expected to keep changes for at least ${KEEP_AT_LEAST_MS / DAY} days, but got ${keepMs / DAY}.`,
    );
  }
  const madeBefore = new Date(Date.now() - keepMs);
  const failed: { tenantId: string; reason: unknown }[] = [];
  let removed = 0;
  const prune = async (tenant: TenantRow): Promise<void> => {
    const session = tenancy.openSession(tenant);
    try {
      for (let some = rowsAtOnce; some === rowsAtOnce; removed += some) {
        signal?.throwIfAborted();
        some = await session.transaction((tx) => removeOldChanges(tx, madeBefore, rowsAtOnce));
      }
    } catch (reason) {
      failed.push({ tenantId: tenant.id, reason });
    } finally {
      await session.end();
    }
  };
  for await (const tenants of pagesOfTenants(tenancy.registry)) {
    await settleAll(tenants, TENANTS_AT_ONCE, prune);
  }
  return { removed, failed };
}
