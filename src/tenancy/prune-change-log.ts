/** Shortens the change logs of all tenants by age. One round; whoever schedules it calls again. */
import { settleAll } from '../lib/settle-all';
import { DAY } from '../lib/duration';
import { removeOldChanges } from './change-log.store';
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
  const tenants = (await tenancy.registry.listTenants()).filter(
    ({ dataSourceId }) => dataSourceId !== null,
  );
  const rounds = await settleAll(tenants, TENANTS_AT_ONCE, async (tenant) => {
    const session = tenancy.openSession(tenant);
    let removed = 0;
    try {
      for (;;) {
        signal?.throwIfAborted();
        const some = await session.transaction((tx) =>
          removeOldChanges(tx, madeBefore, rowsAtOnce),
        );
        removed += some;
        if (some < rowsAtOnce) return removed;
      }
    } finally {
      await session.end();
    }
  });
  return {
    removed: rounds.reduce(
      (sum, round) => sum + (round.status === 'fulfilled' ? round.value : 0),
      0,
    ),
    failed: rounds.flatMap((round, index) =>
      round.status === 'rejected'
        ? [{ tenantId: tenants[index]?.id ?? '', reason: round.reason as unknown }]
        : [],
    ),
  };
}
