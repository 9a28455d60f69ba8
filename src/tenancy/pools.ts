/**
 * Pools of connections, one for each data source (for what it connects to, not for a tenant), handed
 * out as leases.
 *
 * A pool is made at the first lease and owned here: closed after `idleTtlMs` without a lease, when
 * its data source's row changes (running leases finish on the old pool), and at `close()`. All pools
 * together stay within the process's connection budget. Waiting is bounded in number and time.
 * Each pool is a `pg` pool wrapped by Knex, so that both a prepared statement on a raw connection
 * and an ordinary Knex query use the same few connections.
 */
import pg from 'pg';
import knex, { type Knex } from 'knex';
import { isAppError, overloaded, tenantUnavailable } from '../errors';
import { MINUTE, SECOND } from '../lib/duration';
import { toClientConfig } from '../database/connection-url';
import { typeParsers } from '../database/type-parsers';
import { SCOPE_NAME, SCOPE_TEXT } from '../database/scoped-query';
import { translatePostgresError } from '../database/postgres-errors';
import { Breaker, type BreakerState } from './breaker';
import { createConnectionBudget, type ConnectionBudget } from './connection-budget';
import type { DataSource } from './directory';

export interface Lease {
  readonly client: pg.PoolClient;
  readonly namedStatements: boolean;
  /** Gives the connection back; `broken` closes it instead. Safe to call twice. */
  release(options?: { broken?: boolean }): void;
}

export interface PoolStats {
  readonly dataSource: string;
  readonly open: number;
  readonly idle: number;
  readonly leased: number;
  readonly waiting: number;
  readonly max: number;
  readonly breaker: BreakerState;
}

export interface PoolManager {
  /** @throws TENANT_UNAVAILABLE (at once while the breaker is open), OVERLOADED. */
  lease(dataSource: DataSource): Promise<Lease>;
  stats(): PoolStats[];
  readonly budget: Pick<ConnectionBudget, 'limit' | 'taken' | 'waiting'>;
  /** Closes the pool of a data source once its leases are back. */
  evict(dataSourceId: string): Promise<void>;
  close(): Promise<void>;
}

export interface PoolManagerOptions {
  readonly connectionBudget: number;
  readonly leaseQueueLimit: number;
  readonly leaseTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly idleTtlMs: number;
  /** Looks at a new connection before it serves anybody, once for each pool. */
  readonly verify?: (client: pg.ClientBase, dataSource: DataSource) => Promise<void>;
}

interface Entry {
  readonly dataSource: DataSource;
  readonly pool: pg.Pool;
  readonly knex: Knex;
  readonly breaker: Breaker;
  leased: number;
  waiting: number;
  lastUsedAt: number;
  verified: Promise<void> | undefined;
}

type ConnectCallback = ((error: Error) => void) | ((error: null, client: pg.Client) => void);

/** Idle connections close after this, so that a quiet pool holds nothing (`min` is 0). */
const IDLE_CONNECTION_MS = 30 * SECOND;
const CLEAN_UP_EVERY_MS = MINUTE;
const QUEUE_TIMEOUT_MESSAGE = 'timeout exceeded when trying to connect';

export function createPoolManager(options: PoolManagerOptions): PoolManager {
  const entries = new Map<string, Entry>();
  const closing = new Set<Promise<void>>();
  let waiting = 0;
  let closed = false;

  const budget = createConnectionBudget(options.connectionBudget, reclaimIdleConnection);
  const cleanUp = setInterval(() => {
    const idleSince = Date.now() - options.idleTtlMs;
    for (const entry of entries.values()) {
      if (entry.leased + entry.waiting === 0 && entry.lastUsedAt < idleSince) retire(entry);
    }
  }, CLEAN_UP_EVERY_MS);
  cleanUp.unref();

  /** pg's own client, which takes its place in the budget before it connects. */
  class BudgetedClient extends pg.Client {
    #holdsPlace = false;

    override connect(): Promise<pg.Client>;
    override connect(callback: ConnectCallback): void;
    override connect(callback?: ConnectCallback): Promise<pg.Client> | void {
      const connecting = this.#connectWithinBudget();
      if (callback === undefined) return connecting;
      const report = callback as (error: Error | null) => void;
      connecting.then(() => report(null), report);
    }

    async #connectWithinBudget(): Promise<pg.Client> {
      await budget.take(options.leaseTimeoutMs);
      this.#holdsPlace = true;
      this.once('end', () => this.#giveBack());
      try {
        return await super.connect();
      } catch (error) {
        // A connection that never came to be may never end either.
        this.#giveBack();
        throw error;
      }
    }

    #giveBack(): void {
      if (!this.#holdsPlace) return;
      this.#holdsPlace = false;
      budget.give();
    }
  }

  function createEntry(dataSource: DataSource): Entry {
    const pool = new pg.Pool({
      ...toClientConfig(dataSource.connection),
      Client: BudgetedClient as unknown as typeof pg.Client,
      application_name: 'cloister',
      min: dataSource.poolMin,
      max: dataSource.poolMax,
      connectionTimeoutMillis: options.connectTimeoutMs,
      idleTimeoutMillis: IDLE_CONNECTION_MS,
      keepAlive: true,
      types: typeParsers,
      pipeline: true,
      onConnect: async (client: pg.ClientBase) => {
        if (dataSource.namedStatements) {
          await client.query({ name: SCOPE_NAME, text: SCOPE_TEXT, values: ['', '0'] });
        }
        entry.verified ??= options.verify?.(client, dataSource) ?? Promise.resolve();
        await entry.verified;
      },
    } as pg.PoolConfig);
    // An idle connection that breaks is dropped by the pool; the next lease finds out what is wrong.
    pool.on('error', () => undefined);
    const entry: Entry = {
      dataSource,
      pool,
      knex: knex({ client: 'pg', connectionPool: pool, version: '13' } as Knex.Config),
      breaker: new Breaker(),
      leased: 0,
      waiting: 0,
      lastUsedAt: Date.now(),
      verified: undefined,
    };
    return entry;
  }

  function entryOf(dataSource: DataSource): Entry {
    const known = entries.get(dataSource.id);
    if (known?.dataSource.revision === dataSource.revision) return known;
    if (known !== undefined) retire(known);
    const entry = createEntry(dataSource);
    entries.set(dataSource.id, entry);
    return entry;
  }

  /** Takes a pool out of use; leases still out keep their connections until they are released. */
  function retire(entry: Entry): Promise<void> {
    if (entries.get(entry.dataSource.id) === entry) entries.delete(entry.dataSource.id);
    const ended = entry.pool.end().finally(() => closing.delete(ended));
    closing.add(ended);
    return ended;
  }

  /** Closes one idle connection of the least recently used pool that has one. */
  function reclaimIdleConnection(): boolean {
    let oldest: Entry | undefined;
    for (const entry of entries.values()) {
      if (entry.pool.idleCount === 0) continue;
      if (oldest === undefined || entry.lastUsedAt < oldest.lastUsedAt) oldest = entry;
    }
    // A pool gives an idle connection on the next tick; destroying it gives its place back.
    oldest?.pool.connect().then(
      (client) => client.release(true),
      () => budget.retry(),
    );
    return oldest !== undefined;
  }

  async function connect(entry: Entry): Promise<pg.PoolClient> {
    if (!entry.breaker.tryPass()) throw tenantUnavailable('DATA_SOURCE_UNREACHABLE');
    waiting += 1;
    entry.waiting += 1;
    const mustConnect = entry.pool.idleCount === 0 && entry.pool.totalCount < entry.dataSource.poolMax;
    try {
      const client = await (entry.knex.client as Knex.Client).acquireConnection();
      entry.breaker.succeed();
      return client as pg.PoolClient;
    } catch (error) {
      if (isQueueTimeout(error, mustConnect)) {
        entry.breaker.abandon();
        throw overloaded(error);
      }
      entry.verified = undefined;
      if (isAppError(error)) {
        entry.breaker.abandon();
        throw error;
      }
      entry.breaker.fail();
      throw asUnavailable(error);
    } finally {
      waiting -= 1;
      entry.waiting -= 1;
    }
  }

  return {
    budget,
    async lease(dataSource) {
      if (closed) throw overloaded(new Error('The pools are closed.'));
      if (waiting >= options.leaseQueueLimit) throw overloaded();
      const entry = entryOf(dataSource);
      const client = await connect(entry);
      entry.leased += 1;
      entry.lastUsedAt = Date.now();
      let released = false;
      return {
        client,
        namedStatements: dataSource.namedStatements,
        release({ broken = false } = {}) {
          if (released) return;
          released = true;
          entry.leased -= 1;
          entry.lastUsedAt = Date.now();
          client.release(broken);
          budget.retry();
        },
      };
    },
    stats: () =>
      [...entries.values()].map(({ dataSource, pool, breaker, leased, waiting: queued }) => ({
        dataSource: dataSource.name,
        open: pool.totalCount,
        idle: pool.idleCount,
        leased,
        waiting: queued,
        max: dataSource.poolMax,
        breaker: breaker.state,
      })),
    async evict(dataSourceId) {
      const entry = entries.get(dataSourceId);
      if (entry !== undefined) await retire(entry);
    },
    async close() {
      closed = true;
      clearInterval(cleanUp);
      for (const entry of [...entries.values()]) void retire(entry);
      await Promise.all(closing);
    },
  };
}

/** Waited for a busy pool rather than for a server: our load, not the data source's trouble. */
const isQueueTimeout = (error: unknown, mustConnect: boolean): boolean =>
  !mustConnect && error instanceof Error && error.message === QUEUE_TIMEOUT_MESSAGE;

const asUnavailable = (error: unknown): Error => {
  const translated = translatePostgresError(error, { statementTimeoutMs: 0 });
  return isAppError(translated) && translated.code === 'TENANT_UNAVAILABLE'
    ? translated
    : tenantUnavailable('DATA_SOURCE_UNREACHABLE', error);
};
