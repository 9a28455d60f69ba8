/** Removes the expired idempotency keys of all tenants. One round; whoever schedules it calls again. */
import { settleAll } from '../../lib/settle-all';
import { pagesOfTenants } from '../../tenancy/pages-of-tenants';
import type { TenantRow } from '../../tenancy/registry.store';
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
  const failed: { tenantId: string; reason: unknown }[] = [];
  let removed = 0;
  const prune = async (tenant: TenantRow): Promise<void> => {
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
  };
  for await (const tenants of pagesOfTenants(tenancy.registry)) {
    await settleAll(tenants, TENANTS_AT_ONCE, prune);
  }
  return { removed, failed };
}
