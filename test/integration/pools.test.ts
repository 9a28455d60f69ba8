import { uuidv7 } from 'uuidv7';
import { tenantUnavailable } from '../../src/errors';
import type { DataSource } from '../../src/tenancy/directory';
import { Breaker } from '../../src/tenancy/breaker';
import type { Lease } from '../../src/tenancy/lease';
import type { PoolManager, PoolManagerOptions } from '../../src/tenancy/pools';
import { ask, dataSourceAt, eventually, openSessionOn, testPools } from '../support/data-sources';
import { cloneDatabase, type TestDatabase } from '../support/databases';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy';
import { testTenantTemplate } from '../support/world';

const ONE = { text: 'select 1 as one', values: [] };

describe('the pools of a process', () => {
  let database: TestDatabase;
  let proxy: TcpProxy;
  let pools: PoolManager;

  const make = (change: Partial<PoolManagerOptions> = {}): PoolManager =>
    (pools = testPools(change));
  const source = (change: Partial<DataSource> = {}): DataSource =>
    dataSourceAt(database.appUrl, change);
  const proxied = (change: Partial<DataSource> = {}): DataSource =>
    dataSourceAt(proxy.through(database.appUrl), change);
  const query = (dataSource: DataSource, text = ONE.text) =>
    openSessionOn(pools, dataSource, uuidv7()).query({ text, values: [] });
  const connections = async (): Promise<number> => {
    const [row] = await ask<{ count: number }>(
      database.superuserUrl,
      "select count(*)::int from pg_stat_activity where datname = current_database() and application_name = 'cloister'",
    );
    return row?.count ?? 0;
  };
  const statsOf = (dataSource: DataSource) =>
    pools.stats().find(({ dataSource: name }) => name === dataSource.name);

  beforeAll(async () => {
    database = await cloneDatabase(await testTenantTemplate());
  });
  beforeEach(async () => {
    proxy = await startTcpProxy(database.appUrl);
  });
  afterEach(async () => {
    await pools.close();
    expect(pools.budget.taken()).toBe(0);
    await proxy.close();
  });
  afterAll(() => database.drop());

  it('share a connection between the tenants of a data source', async () => {
    make();
    const shared = proxied();
    await openSessionOn(pools, shared, uuidv7()).query(ONE);
    await openSessionOn(pools, shared, uuidv7()).query(ONE);
    expect(proxy.attempts()).toBe(1);
    expect(pools.stats()).toHaveLength(1);
  });

  it('open no more connections than a data source may have, and serve everybody', async () => {
    make();
    const small = source({ poolMax: 2 });
    let most = 0;
    await Promise.all(
      Array.from({ length: 30 }, async () => {
        await query(small, 'select pg_sleep(0.005)');
        most = Math.max(most, statsOf(small)?.open ?? 0);
      }),
    );
    expect(most).toBe(2);
  });

  it('never have more connections together than the budget, and serve everybody', async () => {
    make({ connectionBudget: 6, leaseTimeoutMs: 20_000 });
    const sources = Array.from({ length: 20 }, () => source());
    let most = 0;
    let watching = true;
    const watch = (async () => {
      while (watching) most = Math.max(most, await connections());
    })();
    const rounds = Array.from({ length: 10 }, () => sources).flat();
    await Promise.all(rounds.map((dataSource) => query(dataSource, 'select pg_sleep(0.002)')));
    watching = false;
    await watch;
    expect(pools.budget.taken()).toBeLessThanOrEqual(6);
    // A backend lives for a moment after its connection has closed.
    expect(most).toBeLessThanOrEqual(6 + 2);
    expect(most).toBeGreaterThan(1);
    expect(pools.budget.claims()).toBe(0);
  });

  it('close the idle connection of the pool that was used longest ago when another needs one', async () => {
    make({ connectionBudget: 2 });
    const [first, second, third] = [source(), source(), source()];
    await query(first);
    await query(second);
    await query(third);
    expect(statsOf(first)?.open).toBe(0);
    expect([statsOf(second)?.open, statsOf(third)?.open]).toEqual([1, 1]);
  });

  it('close what a busy data source had for a rush before the only connection of a quieter one', async () => {
    make({ connectionBudget: 4 });
    const [busy, quiet, third] = [source(), source(), source()];
    await Promise.all([1, 2, 3].map(() => query(busy, 'select pg_sleep(0.02)')));
    await query(quiet);
    await query(busy); // in use all the time, and with one connection enough
    await query(third);
    expect([statsOf(busy)?.open, statsOf(quiet)?.open, statsOf(third)?.open]).toEqual([2, 1, 1]);
  });

  it('let a busy pool not starve another one', async () => {
    make({ connectionBudget: 2 });
    const [busy, other] = [source(), source()];
    let stop = false;
    const hammer = Array.from({ length: 8 }, async () => {
      while (!stop) await query(busy);
    });
    await eventually(
      () => statsOf(busy)?.open,
      (open) => open === 2,
    );
    await query(other);
    stop = true;
    await Promise.all(hammer);
  });

  it('refuse at once who finds the queue full', async () => {
    make({ leaseQueueLimit: 2 });
    const small = source({ poolMax: 1 });
    const held = await pools.lease(small);
    const waiting = [query(small), query(small)];
    await expect(query(small)).rejects.toMatchObject({ code: 'OVERLOADED' });
    held.release();
    await Promise.all(waiting);
  });

  it('tell who waited too long for a busy pool that we are overloaded, not that the data source is gone', async () => {
    make({ leaseTimeoutMs: 100 });
    const small = source({ poolMax: 1 });
    const held = await pools.lease(small);
    const waits = Array.from({ length: 5 }, () => query(small));
    for (const outcome of await Promise.allSettled(waits)) {
      expect(outcome).toMatchObject({ reason: { code: 'OVERLOADED' } });
    }
    expect(statsOf(small)).toMatchObject({ breaker: 'closed', waiting: 0 });
    held.release();
    await query(small);
  });

  it('tell who waited too long for the budget the same', async () => {
    make({ connectionBudget: 1, leaseTimeoutMs: 100 });
    const [holder, other] = [source(), source()];
    const held = await pools.lease(holder);
    await expect(query(other)).rejects.toMatchObject({ code: 'OVERLOADED' });
    expect(statsOf(other)?.breaker).toBe('closed');
    held.release();
    await query(other);
  });

  it('close a connection that was given back as broken, and count nothing twice', async () => {
    make();
    const dataSource = source();
    const lease = await pools.lease(dataSource);
    lease.release(new Error('Connection terminated unexpectedly'));
    lease.release();
    await eventually(
      () => statsOf(dataSource),
      (stats) => stats?.open === 0 && stats.leased === 0,
    );
    await query(dataSource);
  });

  describe('when a data source fails', () => {
    it('stop asking it after two failures in a row, and refuse at once', async () => {
      make();
      proxy.set('refuse');
      const dataSource = proxied();
      for (let request = 0; request < 2; request += 1) {
        await expect(query(dataSource)).rejects.toMatchObject({
          code: 'TENANT_UNAVAILABLE',
          details: { reason: 'DATA_SOURCE_UNREACHABLE' },
        });
      }
      expect(statsOf(dataSource)?.breaker).toBe('open');
      const attempts = proxy.attempts();
      for (let request = 0; request < 20; request += 1) {
        await expect(query(dataSource)).rejects.toMatchObject({ code: 'TENANT_UNAVAILABLE' });
      }
      expect(proxy.attempts()).toBe(attempts);
    });

    it('try again with one connection, and go on when it works', async () => {
      const breaker = new Breaker({ openMs: 50 });
      make({ breaker });
      proxy.set('refuse');
      const dataSource = proxied();
      await Promise.allSettled([query(dataSource), query(dataSource)]);
      const attempts = proxy.attempts();
      await eventually(
        () => breaker.state,
        (state) => state === 'half-open',
      );
      const still = await Promise.allSettled(Array.from({ length: 10 }, () => query(dataSource)));
      expect(still.every(({ status }) => status === 'rejected')).toBe(true);
      expect(proxy.attempts()).toBe(attempts + 1);
      proxy.set('pass');
      await eventually(
        () => breaker.state,
        (state) => state === 'half-open',
      );
      await query(dataSource);
      expect(breaker.state).toBe('closed');
      await Promise.all(Array.from({ length: 10 }, () => query(dataSource)));
    });

    it('refuse all who wait as soon as it is known', async () => {
      make({ connectTimeoutMs: 200, leaseTimeoutMs: 30_000 });
      proxy.set('blackhole');
      const dataSource = proxied({ poolMax: 2 });
      const outcomes = await Promise.allSettled(
        Array.from({ length: 40 }, () => query(dataSource)),
      );
      for (const outcome of outcomes)
        expect(outcome).toMatchObject({ reason: { code: 'TENANT_UNAVAILABLE' } });
      // A third may begin between the first failure and the second, which opens the breaker.
      expect([2, 3]).toContain(proxy.attempts());
    });

    it('drop idle connections when one was cut, and connect anew', async () => {
      make();
      const dataSource = proxied();
      await Promise.all([
        query(dataSource, 'select pg_sleep(0.05)'),
        query(dataSource, 'select pg_sleep(0.05)'),
      ]);
      const running = query(dataSource, 'select pg_sleep(10)');
      const outcome = expect(running).rejects.toMatchObject({ code: 'TENANT_UNAVAILABLE' });
      await eventually(
        () => statsOf(dataSource)?.leased,
        (leased) => leased === 1,
      );
      proxy.cut();
      await outcome;
      await query(dataSource);
      expect(statsOf(dataSource)?.breaker).toBe('closed');
    });

    it('give its places back to the budget, whatever went wrong', async () => {
      make({ connectionBudget: 3, connectTimeoutMs: 100 });
      for (const mode of ['refuse', 'blackhole'] as const) {
        proxy.set(mode);
        const dataSource = proxied();
        await Promise.allSettled(Array.from({ length: 6 }, () => query(dataSource)));
      }
      await eventually(
        () => pools.budget.taken(),
        (taken) => taken === 0,
      );
    });
  });

  describe('that look at a data source first', () => {
    it('refuse it by name when it is not safe, without asking again for a while', async () => {
      let looks = 0;
      const breaker = new Breaker({ openMs: 50 });
      let safe = false;
      make({
        breaker,
        verify: async () => {
          looks += 1;
          if (!safe) throw tenantUnavailable('UNSAFE_ROLE');
        },
      });
      const dataSource = source();
      await expect(query(dataSource)).rejects.toMatchObject({ details: { reason: 'UNSAFE_ROLE' } });
      await expect(query(dataSource)).rejects.toMatchObject({ details: { reason: 'UNSAFE_ROLE' } });
      expect(looks).toBe(1);
      expect(statsOf(dataSource)?.leased).toBe(0);
      safe = true;
      await eventually(
        () => breaker.state,
        (state) => state === 'half-open',
      );
      await query(dataSource);
      expect(looks).toBe(2);
    });

    it('look once for a pool', async () => {
      let looks = 0;
      make({ verify: async () => void (looks += 1) });
      const dataSource = source();
      await query(dataSource);
      await Promise.all(
        Array.from({ length: 5 }, () => query(dataSource, 'select pg_sleep(0.01)')),
      );
      expect(looks).toBe(1);
    });

    it('do not wait for ever for one that falls silent meanwhile', async () => {
      make({
        connectTimeoutMs: 200,
        verify: async (client) => {
          proxy.set('blackhole');
          await client.query('select 1');
        },
      });
      await expect(query(proxied())).rejects.toMatchObject({ code: 'TENANT_UNAVAILABLE' });
    });
  });

  describe('when the row of a data source changes', () => {
    it('replace the pool, and let leases that are out finish on the old one', async () => {
      make();
      const before = source({ poolMax: 2 });
      const held: Lease = await pools.lease(before);
      const after = { ...before, poolMax: 3, revision: 2 };
      await query(after);
      expect(statsOf(after)?.max).toBe(3);
      expect((await held.client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
      held.release();
      await eventually(connections, (count) => count === 1);
    });

    it('let those who waited on the old pool go on with the new one', async () => {
      make();
      const before = source({ poolMax: 1 });
      const held = await pools.lease(before);
      const waiting = query(before);
      await query({ ...before, poolMax: 2, revision: 2 });
      await waiting;
      held.release();
    });

    it('keep the pool when what it connects to is the same', async () => {
      make();
      const before = proxied();
      await query(before);
      await query({ ...before, region: 'elsewhere', revision: 2 });
      expect(proxy.attempts()).toBe(1);
    });

    it('do not bring the old pool back for whoever still holds the older row', async () => {
      make();
      const before = source({ poolMax: 1 });
      const after = { ...before, poolMax: 2, revision: 2 };
      await query(after);
      await query(before);
      expect(pools.stats()).toMatchObject([{ max: 2 }]);
    });
  });

  it('close with all their connections, those of evicted pools too, and are closed for good', async () => {
    make();
    const [one, two] = [source(), source()];
    await Promise.all([query(one), query(two)]);
    void pools.evict(one.id);
    await pools.close();
    await eventually(connections, (count) => count === 0);
    await expect(query(two)).rejects.toMatchObject({ code: 'OVERLOADED' });
  });
});
