/** Removes the expired idempotency keys of all tenants. One round; whoever schedules it calls again. */
import { settleAll } from '../../lib/settle-all';
import type { Tenancy } from '../../tenancy/tenancy';
import { removeExpiredKeys } from './idempotency-keys.store';

export interface PruneKeysOptions {
  /** Of one transaction; a round goes on until a tenant has none left. */
  readonly rowsAtOnce?: number;
  readonly signal?: AbortSignal;
}

export interface PruneKeysRound {
  readonly removed: number;
  /** Tenants that could not be reached; they are tried again next time. */
  readonly failed: readonly { readonly tenantId: string; readonly reason: unknown }[];
}

const TENANTS_AT_ONCE = 4;

export async function pruneIdempotencyKeys(
  tenancy: Pick<Tenancy, 'registry' | 'openSession'>,
  { rowsAtOnce = 5000, signal }: PruneKeysOptions = {},
): Promise<PruneKeysRound> {
  const tenants = (await tenancy.registry.listTenants()).filter(
    ({ dataSourceId }) => dataSourceId !== null,
  );
  const failed: { tenantId: string; reason: unknown }[] = [];
  let removed = 0;
  await settleAll(tenants, TENANTS_AT_ONCE, async (tenant) => {
    const session = tenancy.openSession(tenant);
    try {
      for (let some = rowsAtOnce; some === rowsAtOnce; removed += some) {
        signal?.throwIfAborted();
        some = await session.transaction((tx) => removeExpiredKeys(tx, rowsAtOnce));
      }
    } catch (reason) {
      failed.push({ tenantId: tenant.id, reason });
    } finally {
      await session.end();
    }
  });
  return { removed, failed };
}
