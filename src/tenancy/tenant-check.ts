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

export interface TenantCheck {
  /** Whether it was found to hold. */
  passed(target: SessionTarget): boolean;
  /** @throws TENANT_UNAVAILABLE (TENANT_ID_MISMATCH) when it does not. */
  assert(target: SessionTarget): Promise<void>;
}

export function createTenantCheck(
  pools: Pick<PoolManager, 'lease'>,
  statementTimeoutMs: number,
): TenantCheck {
  /** By tenant; the value is what was found to hold. */
  const claims = new LRUCache<string, Claim>({ max: MAX_TENANTS });
  const flights = new SingleFlight<string, void>();

  const passed = ({ tenantId, localTenantId, dataSource }: SessionTarget): boolean => {
    const known = claims.get(tenantId);
    const holds = known?.localTenantId === localTenantId && known.id === dataSource.id;
    return holds && known.revision === dataSource.revision;
  };

  return {
    passed,
    async assert(target) {
      if (passed(target)) return;
      const { tenantId, localTenantId, dataSource } = target;
      const { id, revision } = dataSource;
      await flights.run(`${tenantId} ${localTenantId} ${id} ${revision}`, async () => {
        const session = createSession(pools, () => target, target, { statementTimeoutMs });
        const found = await session.query({
          text: 'select 1 from cloister.tenants where tenant_id = $1',
          values: [localTenantId],
        });
        if (found.length === 0) throw tenantUnavailable('TENANT_ID_MISMATCH');
        claims.set(tenantId, { localTenantId, id, revision });
      });
    },
  };
}
