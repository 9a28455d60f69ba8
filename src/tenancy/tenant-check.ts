/**
 * Whether the data source holds the tenant the registry says it does: asked once for each tenant and
 * look at its data source, before its first statement. A wrong assignment would otherwise look like
 * an empty tenant.
 */
import { LRUCache } from 'lru-cache';
import { tenantUnavailable } from '../errors';
import { SingleFlight } from '../lib/single-flight';
import type { DataSource } from './directory';
import type { PoolManager } from './pools';
import { createSession, type SessionTarget } from './session';

const MAX_TENANTS = 100_000;

/** Which tenant's rows are in which data source, as it was at one look. */
interface Claim extends Pick<DataSource, 'id' | 'revision'> {
  readonly localTenantId: string;
}

/** @returns a function that @throws TENANT_UNAVAILABLE (TENANT_ID_MISMATCH) when it does not. */
export function createTenantCheck(
  pools: Pick<PoolManager, 'lease'>,
  statementTimeoutMs: number,
): (target: SessionTarget) => Promise<void> {
  /** By tenant; the value is what was found to hold. */
  const passed = new LRUCache<string, Claim>({ max: MAX_TENANTS });
  const flights = new SingleFlight<string, void>();

  return async (target) => {
    const { tenantId, localTenantId, dataSource } = target;
    const { id, revision } = dataSource;
    const known = passed.get(tenantId);
    const holds = known?.localTenantId === localTenantId && known.id === id;
    if (holds && known.revision === revision) return;
    await flights.run(`${tenantId} ${localTenantId} ${id} ${revision}`, async () => {
      const session = createSession(pools, () => Promise.resolve(target), target, {
        statementTimeoutMs,
      });
      const found = await session.query({
        text: 'select 1 from cloister.tenants where tenant_id = $1',
        values: [localTenantId],
      });
      if (found.length === 0) throw tenantUnavailable('TENANT_ID_MISMATCH');
      passed.set(tenantId, { localTenantId, id, revision });
    });
  };
}
