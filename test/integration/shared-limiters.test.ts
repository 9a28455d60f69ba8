/** Limits that processes share in the registry, and what becomes of them while it is away. */
import knex from 'knex';
import { RateLimiterRes } from 'rate-limiter-flexible';
import { createSharedLimiters, pruneRateLimits } from '../../src/tenancy/shared-limiters';
import { cloneDatabase, type TestDatabase } from '../support/databases';
import { testRegistryTemplate } from '../support/world';

const OPTIONS = { name: 'guess-account', points: 3, windowSeconds: 60 };
let registry: TestDatabase;
beforeAll(async () => {
  registry = await cloneDatabase(await testRegistryTemplate());
});
afterAll(() => registry.drop());

const connect = (connection: string) =>
  knex({ client: 'pg', connection, pool: { min: 0, max: 2 }, acquireConnectionTimeout: 2000 });

async function withLimiters<T>(
  count: number,
  work: (
    each: ReturnType<typeof createSharedLimiters>[],
    db: ReturnType<typeof connect>,
  ) => Promise<T>,
): Promise<T> {
  const databases = Array.from({ length: count }, () => connect(registry.appUrl));
  const limiters = databases.map(createSharedLimiters);
  try {
    return await work(limiters, databases[0] as ReturnType<typeof connect>);
  } finally {
    limiters.forEach((each) => each.close());
    await Promise.all(databases.map((db) => db.destroy()));
  }
}

it('count together what several processes count at once', async () => {
  await withLimiters(3, async (processes) => {
    const limiters = processes.map((each) => each.create(OPTIONS));
    const results = await Promise.allSettled(
      [...limiters, ...limiters].map((each) => each.consume('k')),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
    const refused = results.find((each) => each.status === 'rejected');
    expect(refused?.reason).toBeInstanceOf(RateLimiterRes);
    // Whoever is forgiven by one is let in by all.
    await limiters[0]?.delete('k');
    await expect(limiters[2]?.consume('k')).resolves.toMatchObject({ consumedPoints: 1 });
  });
});

it('forget what has lapsed', async () => {
  await withLimiters(1, async ([limiters], db) => {
    const limiter = limiters?.create({ ...OPTIONS, name: 'prune-account' });
    await limiter?.consume('k');
    await db('registry.rate_limits').update({ expire: Date.now() - 2 * 3_600_000 });
    expect(await pruneRateLimits(db)).toBeGreaterThan(0);
    expect(await db('registry.rate_limits').count()).toEqual([{ count: '0' }]);
  });
});

it('go on in each process by itself while the registry is away', async () => {
  const away = connect('postgres://nobody:x@127.0.0.1:1/nowhere');
  const limiters = createSharedLimiters(away);
  try {
    const limiter = limiters.create(OPTIONS);
    for (let i = 1; i <= 3; i += 1) await limiter.consume('k');
    await expect(limiter.consume('k')).rejects.toBeInstanceOf(RateLimiterRes);
  } finally {
    limiters.close();
    await away.destroy();
  }
});
