import { uuidv7 } from 'uuidv7';
import { isAppError } from '../../src/errors';
import type { DataSource } from '../../src/tenancy/directory';
import type { PoolManager, PoolManagerOptions } from '../../src/tenancy/pools';
import { dataSourceAt, eventually, openSessionOn, testPools } from '../support/data-sources';
import { cloneDatabase, type TestDatabase } from '../support/databases';
import { testTenantTemplate } from '../support/world';

const [FLOODER, QUIET] = [uuidv7(), uuidv7()];
const SLOW = { text: 'select pg_sleep(0.3)', values: [] };
const QUICK = { text: 'select 1', values: [] };

describe('a tenant that floods a shared data source', () => {
  let database: TestDatabase;
  let pools: PoolManager;
  let shared: DataSource;

  const make = (change: Partial<PoolManagerOptions> = {}): void => {
    pools = testPools({ leaseTimeoutMs: 20_000, ...change });
    shared = dataSourceAt(database.appUrl, { placement: 'shared', poolMax: 4 });
  };
  /** Sends so many slow statements at once; says how many have been answered. */
  function flood(count: number) {
    const settled: string[] = [];
    const all = Array.from({ length: count }, () =>
      openSessionOn(pools, shared, FLOODER)
        .query(SLOW)
        .then(
          () => settled.push('answered'),
          (error: unknown) => settled.push(isAppError(error) ? error.code : 'other'),
        ),
    );
    return { settled, done: Promise.all(all) };
  }
  const leased = (): Promise<unknown> =>
    eventually(
      () => pools.stats()[0]?.leased,
      (count) => count === 3,
    );

  beforeAll(async () => {
    database = await cloneDatabase(await testTenantTemplate());
  });
  afterEach(() => pools.close());
  afterAll(() => database.drop());

  it('never holds all of its connections, so that a neighbour is answered at once', async () => {
    make();
    const { settled, done } = flood(30);
    await leased();
    const before = settled.length;
    for (let count = 0; count < 5; count += 1) {
      await openSessionOn(pools, shared, QUIET).query(QUICK);
    }
    // The neighbour never waited for a connection of the flooder's to come back.
    expect(settled.length - before).toBeLessThanOrEqual(3);
    expect(pools.stats()[0]?.leased).toBe(3);
    await done;
    expect(new Set(settled)).toEqual(new Set(['answered']));
  });

  it('is alone refused when it asks for more than can wait', async () => {
    make({ leaseQueueLimit: 20 });
    const { settled, done } = flood(60);
    await leased();
    expect(settled.filter((outcome) => outcome === 'OVERLOADED')).toHaveLength(60 - 10);
    // As many as come while it waits: each of them finds a place in the queue, and is served.
    const quiet = Array.from({ length: 8 }, () => openSessionOn(pools, shared, QUIET).query(QUICK));
    expect(await Promise.all(quiet)).toHaveLength(8);
    await done;
  });

  it('has all connections where nobody else can be', async () => {
    make();
    shared = dataSourceAt(database.appUrl, { placement: 'dedicated', poolMax: 4 });
    const { done } = flood(8);
    await eventually(
      () => pools.stats()[0]?.leased,
      (count) => count === 4,
    );
    await done;
  });
});
