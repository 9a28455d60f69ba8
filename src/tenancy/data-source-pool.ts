/**
 * The connections to one data source, handed out as leases.
 *
 * Owns a `pg` pool wrapped by Knex, what is known of the data source's health and the queue of those
 * who wait. Whoever waits is served by a connection that comes back or by a new one, whichever is
 * there first, in an order that is fair between tenants (see `lease-queue.ts`) and for a bounded
 * time. A connection that is given back is used again only if its last statement was answered by the
 * server; once one was lost, the idle ones are suspects and go too.
 * Lives until `retire()`; leases that are out keep their connections until they are released.
 */
import type pg from 'pg';
import { overloaded } from '../errors';
import { destroyConnection, longestIdle, removeIdle } from '../database/pg-internals';
import { isServerAnswer } from '../database/postgres-errors';
import { prepareScopes } from '../database/scoped-query';
import type { Breaker } from './breaker';
import { budgetedClientClass, closeAndWait, NoPlaceError, whenClosed } from './budgeted-client';
import type { Claimant, ConnectionBudget } from './connection-budget';
import { DataSourceHealth } from './data-source-health';
import type { DataSource } from './directory';
import { createFairShares, shareOf, type FairShares } from './fair-shares';
import { createKnexPool } from './knex-pool';
import type { Lease, PoolStats } from './lease';
import { LeaseQueue } from './lease-queue';
import { poolKey } from './pool-key';
import { SCOPES_IN_ONE_FLIGHT } from './transaction-scope';

export interface DataSourcePoolOptions {
  readonly budget: ConnectionBudget;
  readonly connectTimeoutMs: number;
  readonly leaseTimeoutMs: number;
  /** Whether one more may queue, beside so many of the same tenant. */
  readonly mayWait: (waitingOfTenant: number) => boolean;
  /** Looks at the data source before it serves anybody, once for the pool. */
  readonly verify?: (client: pg.ClientBase, dataSource: DataSource) => Promise<void>;
  readonly breaker?: Breaker;
}

/** The pool was taken out of use while the caller waited: ask its successor. */
export class PoolRetired extends Error {
  override readonly name = 'PoolRetired';
}

export class DataSourcePool implements Claimant {
  readonly key: string;
  lastUsedAt = performance.now();
  readonly #pool: pg.Pool;
  readonly #acquire: () => Promise<pg.PoolClient>;
  readonly #health: DataSourceHealth;
  readonly #open = new Set<pg.ClientBase>();
  /** Those of the open ones that have not served yet. */
  readonly #connecting = new Set<pg.ClientBase>();
  readonly #queue: LeaseQueue;
  readonly #shares: FairShares;
  #leased = 0;
  /** Connections asked of the pg pool for somebody who waits, and not handed over yet. */
  #coming = 0;
  /** When each was given back last. */
  readonly #usedAt = new WeakMap<pg.ClientBase, number>();
  #verified = false;
  #retired: Promise<void> | undefined;
  #whenClosed: (() => void) | undefined;

  constructor(
    readonly dataSource: DataSource,
    private readonly options: DataSourcePoolOptions,
  ) {
    const { budget, connectTimeoutMs, leaseTimeoutMs, breaker } = options;
    this.key = poolKey(dataSource);
    this.#health = new DataSourceHealth(breaker);
    const { poolMax, placement } = dataSource;
    this.#shares = createFairShares(placement === 'shared' ? shareOf(poolMax) : poolMax);
    this.#queue = new LeaseQueue({
      timeoutMs: leaseTimeoutMs,
      shares: this.#shares,
      onTimeout: (place) => {
        // Who is next for a connection that is being made learns from that, and soon.
        if (place < this.#connecting.size) return;
        this.#refuse(place, 1, overloaded());
        this.#serve();
      },
    });
    const Client = budgetedClientClass({
      budget,
      connectTimeoutMs,
      prepare: (client) => this.#prepare(client),
      onOpen: (client) => {
        this.#open.add(client);
        this.#connecting.add(client);
      },
      onClosed: (client) => this.#closed(client),
    });
    const { pool, acquire } = createKnexPool(dataSource, Client);
    this.#pool = pool;
    this.#acquire = acquire;
  }

  /**
   * @param tenantId for whom; absent for the house's own work.
   * @throws TENANT_UNAVAILABLE (at once while the breaker is open), OVERLOADED, PoolRetired.
   */
  lease(tenantId?: string): Promise<Lease> {
    const passage = this.#health.pass();
    if (passage === 'refused') return Promise.reject(this.#health.lastFailure);
    const mustWait = this.idleCount === 0 || this.#shares.roomOf(tenantId) === 0;
    const waitingOfTenant = (): number =>
      tenantId === undefined ? 0 : this.#queue.waitingOf(tenantId);
    if (mustWait && !this.options.mayWait(waitingOfTenant())) {
      if (passage === 'probe') this.#health.abandonProbe();
      return Promise.reject(overloaded());
    }
    this.lastUsedAt = performance.now();
    const lease = this.#queue.join({ tenantId, isProbe: passage === 'probe' });
    this.#serve();
    return lease;
  }

  /** Connections that nobody has and nobody is about to get. */
  get idleCount(): number {
    if (this.#retired !== undefined) return 0;
    return Math.max(this.#pool.idleCount - this.#coming, 0);
  }

  get idleSince(): number | undefined {
    const client = this.idleCount === 0 ? undefined : longestIdle(this.#pool);
    return client && (this.#usedAt.get(client) ?? this.lastUsedAt);
  }

  get isUnused(): boolean {
    return this.#leased + this.#coming + this.#queue.length === 0;
  }

  get stats(): PoolStats {
    return {
      dataSource: this.dataSource.name,
      open: this.#open.size,
      idle: this.idleCount,
      leased: this.#leased,
      waiting: this.waiting,
      max: this.dataSource.poolMax,
      breaker: this.#health.state,
    };
  }

  get waiting(): number {
    return this.#queue.length;
  }

  onPlaceFree(): void {
    this.#serve();
  }

  async closeIdle(): Promise<void> {
    const client = this.idleCount === 0 ? undefined : longestIdle(this.#pool);
    if (client === undefined) return;
    const closed = whenClosed(client);
    removeIdle(this.#pool, client);
    await closed;
  }

  /** Resolves when the last connection has closed. Those who wait get PoolRetired. */
  retire(): Promise<void> {
    this.#retired ??= (async () => {
      this.options.budget.withdraw(this);
      this.#refuse(0, this.#queue.length, new PoolRetired());
      void this.#pool.end(); // it waits for releases; what counts is that the connections close
      if (this.#open.size > 0) await new Promise<void>((resolve) => (this.#whenClosed = resolve));
    })();
    return this.#retired;
  }

  /** Closes every connection, whoever has it. */
  cut(): void {
    for (const client of this.#open) destroyConnection(client);
  }

  /** Serves those who wait, as far as there are connections for them. */
  #serve(): void {
    const { budget } = this.options;
    while (this.#retired === undefined && this.#queue.servable(this.#coming + 1) > this.#coming) {
      if (this.idleCount === 0) {
        if (this.#pool.totalCount >= this.dataSource.poolMax) break;
        if (budget.taken() >= budget.limit) return budget.claim(this);
      }
      this.#coming += 1;
      void this.#bring();
    }
    budget.withdraw(this);
  }

  /** Gets one connection from the pg pool, idle or new, for whoever waits longest then. */
  async #bring(): Promise<void> {
    try {
      const client = await this.#acquire();
      this.#coming -= 1;
      this.#handOver(client);
    } catch (error) {
      this.#coming -= 1;
      if (!(error instanceof NoPlaceError)) this.#failed(error);
    }
    this.#serve();
  }

  #handOver(client: pg.PoolClient): void {
    const waiter = this.#queue.takeNext();
    const isNew = this.#connecting.delete(client);
    if (isNew) this.#health.connected();
    if (waiter === undefined) {
      this.#putBack(client);
      this.options.budget.settle();
      return;
    }
    // An idle connection says nothing of the server's state now: the next caller probes.
    if (waiter.isProbe && !isNew) this.#health.abandonProbe();
    waiter.resolve(this.#leaseOf(client, waiter.tenantId));
  }

  #leaseOf(client: pg.PoolClient, tenantId: string | undefined): Lease {
    this.#leased += 1;
    this.#shares.take(tenantId);
    let released = false;
    let spoilt = false;
    return {
      client,
      namedStatements: this.dataSource.namedStatements,
      spoil: () => {
        spoilt = true;
      },
      release: (failure) => {
        if (released) return;
        released = true;
        this.#leased -= 1;
        this.#shares.give(tenantId);
        this.lastUsedAt = performance.now();
        const lost = failure !== undefined && !isServerAnswer(failure);
        if (lost) this.#lost(failure);
        const { budget } = this.options;
        if (lost || spoilt) client.release(true);
        // Where another pool has waited long, this one gives up what it would use again.
        else if (this.#queue.length > 0 && budget.isOwed(this)) budget.expect(closeAndWait(client));
        else this.#putBack(client);
        this.#serve();
        budget.settle();
      },
    };
  }

  #putBack(client: pg.PoolClient): void {
    this.#usedAt.set(client, performance.now());
    client.release();
  }

  /** A connection could not be had: its failure is told to one who waits, or to all when it is grave. */
  #failed(cause: unknown): void {
    const { error, isGrave } = this.#health.notConnected(cause);
    this.#refuse(0, isGrave ? this.#queue.length : 1, error);
  }

  /** A connection broke under a statement. */
  #lost(failure: unknown): void {
    const loss = this.#health.lost(failure);
    if (loss === undefined) return;
    if (loss.isGrave) this.#refuse(0, this.#queue.length, this.#health.lastFailure);
    for (let suspects = this.idleCount; suspects > 0; suspects -= 1) void this.closeIdle();
  }

  async #prepare(client: pg.ClientBase): Promise<void> {
    if (this.dataSource.namedStatements) await prepareScopes(client, SCOPES_IN_ONE_FLIGHT);
    if (this.#verified) return;
    await this.options.verify?.(client, this.dataSource);
    this.#verified = true;
  }

  #refuse(place: number, count: number, error: Error): void {
    for (const waiter of this.#queue.take(place, count)) {
      if (waiter.isProbe) this.#health.abandonProbe();
      waiter.reject(error);
    }
  }

  #closed(client: pg.ClientBase): void {
    this.#open.delete(client);
    this.#connecting.delete(client);
    if (this.#open.size === 0) this.#whenClosed?.();
  }
}
