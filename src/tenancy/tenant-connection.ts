/**
 * What an admin may know of the way to their own tenant's data: the doctor's report, and how this
 * process's caches and pool do. Where the server is told only when it is the tenant's own (BYO):
 * the address of ours is not a tenant's business.
 */
import { SingleFlight } from '../lib/single-flight';
import { reportConnection, type ConnectionInfo, type ConnectionReport } from './connection-report';
import type { PoolStats } from './lease';
import type { TenantRow } from './registry.store';
import type { Tenancy } from './tenancy';

export interface TenantConnectionFacts extends Omit<ConnectionReport, 'connection'> {
  readonly connection: ConnectionInfo | null;
  readonly cache: {
    /** Between 0 and 1, of all look-ups since this process started; null before the first. */
    readonly hitRate: number | null;
    /** Mean time to open sealed credentials; null when none were opened. */
    readonly unsealMs: number | null;
  };
  /** Null while this process holds no pool for the data source. */
  readonly pool: Omit<PoolStats, 'dataSource'> | null;
}

type Parts = Pick<Tenancy, 'registry' | 'secretBox' | 'addressGuard' | 'directory' | 'pools'>;

/** One look at a time for each tenant: whoever asks meanwhile gets its answer. */
export function createTenantConnection(tenancy: Parts) {
  const flights = new SingleFlight<string, TenantConnectionFacts>();
  return (tenant: TenantRow): Promise<TenantConnectionFacts> =>
    flights.run(tenant.id, () => look(tenancy, tenant));
}

async function look(tenancy: Parts, tenant: TenantRow): Promise<TenantConnectionFacts> {
  const report = await reportConnection(tenancy, tenant);
  const { hits, misses, unseals, unsealMs } = tenancy.directory.stats();
  const pool = tenancy.pools
    .stats()
    .find(({ dataSource }) => dataSource === report.dataSource?.name);
  return {
    ...report,
    connection: report.dataSource?.placement === 'byo' ? report.connection : null,
    cache: {
      hitRate: hits + misses === 0 ? null : hits / (hits + misses),
      unsealMs: unseals === 0 ? null : unsealMs / unseals,
    },
    pool: pool === undefined ? null : withoutName(pool),
  };
}

const withoutName = ({ open, idle, leased, waiting, max, breaker }: PoolStats) => ({
  open,
  idle,
  leased,
  waiting,
  max,
  breaker,
});
