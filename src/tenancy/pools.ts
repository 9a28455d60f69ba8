/**
 * The pools of one process, one for each data source (for what it connects to, not for a tenant).
 *
 * A pool is made at the first lease and owned here: closed after `idleTtlMs` without a lease, when
 * what it connects to changes (leases that are out finish on the old pool), and at `close()`. All
 * pools together stay within the process's connection budget. Waiting is bounded in number and time.
 */
import { overloaded } from '../errors';
import { MINUTE, SECOND } from '../lib/duration';
import { createConnectionBudget, type ConnectionBudget } from './connection-budget';
import { DataSourcePool, PoolRetired, type DataSourcePoolOptions } from './data-source-pool';
import type { DataSource } from './directory';
import type { Lease, PoolStats } from './lease';
import { poolKey } from './pool-key';

export interface PoolManager {
  /**
   * @param tenantId for whom, so that no tenant takes the pool from others; absent for our own work.
   * @throws TENANT_UNAVAILABLE (at once while the breaker is open), OVERLOADED.
   */
  lease(dataSource: DataSource, tenantId?: string): Promise<Lease>;
  stats(): PoolStats[];
  readonly budget: Pick<ConnectionBudget, 'limit' | 'taken' | 'claims'>;
  /** Closes the pool of a data source, or all, once their leases are back; the next lease makes anew. */
  evict(dataSourceId?: string): Promise<void>;
  /** Resolves when every connection has closed; a lease that is not released in time is cut. */
  close(): Promise<void>;
}

export interface PoolManagerOptions extends Omit<DataSourcePoolOptions, 'budget' | 'mayWait'> {
  readonly connectionBudget: number;
  readonly leaseQueueLimit: number;
  readonly idleTtlMs: number;
}

const CLEAN_UP_EVERY_MS = MINUTE;
/** The requests are over when the pools are closed: who still holds a connection has forgotten it. */
const CLOSE_WITHIN_MS = 5 * SECOND;

export function createPoolManager(options: PoolManagerOptions): PoolManager {
  const { connectionBudget, leaseQueueLimit, idleTtlMs, ...poolOptions } = options;
  const pools = new Map<string, { readonly pool: DataSourcePool; readonly revision: number }>();
  const closing = new Set<Promise<void>>();
  let closed = false;

  const poolsInUse = (): DataSourcePool[] => [...pools.values()].map(({ pool }) => pool);
  const budget = createConnectionBudget({ limit: connectionBudget, pools: poolsInUse });
  // Whoever floods is refused while the others still find a place to wait.
  const mayWait = (waitingOfTenant: number): boolean =>
    waitingOfTenant < Math.ceil(leaseQueueLimit / 2) && waitingIn(poolsInUse()) < leaseQueueLimit;

  const cleanUp = setInterval(() => {
    const idleSince = performance.now() - idleTtlMs;
    for (const pool of poolsInUse()) {
      if (pool.isUnused && pool.lastUsedAt < idleSince) void retire(pool);
    }
  }, CLEAN_UP_EVERY_MS);
  cleanUp.unref();

  function poolOf(dataSource: DataSource): DataSourcePool {
    const { id, revision } = dataSource;
    const known = pools.get(id);
    // Who still holds an older row than ours does not bring its pool back.
    if (known !== undefined && revision <= known.revision) return known.pool;
    const unchanged = known !== undefined && known.pool.key === poolKey(dataSource);
    if (known !== undefined && !unchanged) void retire(known.pool);
    const pool = unchanged
      ? known.pool
      : new DataSourcePool(dataSource, { ...poolOptions, budget, mayWait });
    pools.set(id, { pool, revision });
    return pool;
  }

  function retire(pool: DataSourcePool): Promise<void> {
    const { id } = pool.dataSource;
    if (pools.get(id)?.pool === pool) pools.delete(id);
    const retired = pool.retire().finally(() => closing.delete(retired));
    closing.add(retired);
    return retired;
  }

  return {
    budget,
    async lease(dataSource, tenantId) {
      for (;;) {
        if (closed) throw overloaded(new Error('The pools are closed.'));
        try {
          return await poolOf(dataSource).lease(tenantId);
        } catch (error) {
          if (!(error instanceof PoolRetired)) throw error;
        }
      }
    },
    stats: () => poolsInUse().map(({ stats }) => stats),
    async evict(dataSourceId) {
      const evicted = poolsInUse().filter(
        ({ dataSource }) => dataSourceId === undefined || dataSource.id === dataSourceId,
      );
      await Promise.all(evicted.map(retire));
    },
    async close() {
      closed = true;
      clearInterval(cleanUp);
      const last = poolsInUse();
      for (const pool of last) void retire(pool);
      const late = setTimeout(() => {
        for (const pool of last) pool.cut();
      }, CLOSE_WITHIN_MS);
      await Promise.all(closing);
      clearTimeout(late);
    },
  };
}

const waitingIn = (pools: readonly DataSourcePool[]): number =>
  pools.reduce((sum, { waiting }) => sum + waiting, 0);
