/** What a plan allows, and what is told of it. */
import { createWorld, type World } from '../support/world';

const USAGE = `{ tenantUsage {
  plan trialEndsAt users { used limit } records { used limit } storageBytes { used limit }
  requestsToday { used limit } requestsPerMinute
} }`;
interface Usage {
  readonly tenantUsage: Readonly<
    Record<
      'users' | 'records' | 'storageBytes' | 'requestsToday',
      { used: number; limit: number | null }
    >
  > & { readonly plan: string };
}
interface Created {
  readonly [field: string]: { readonly userErrors: readonly { message: string; code: string }[] };
}

describe('the plan of a tenant', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld();
  });
  afterAll(() => world.close());

  const setLimits = async (slug: string, limits: Record<string, number | null>): Promise<void> => {
    await world.sql(
      world.registry,
      'update registry.tenants set limit_overrides = $2 where slug = $1',
      [slug, limits],
    );
  };
  /** The change is announced; the limits are known from the request after the next on. */
  const settle = async (tenant: 'alpha' | 'beta' | 'gamma'): Promise<void> => {
    for (let times = 0; times < 5; times += 1) {
      await new Promise((resolve) => setTimeout(resolve, 40));
      await world.query({ tenant }, '{ viewer { tenant { slug } } }');
    }
  };
  const createAccounts = async (tenant: 'alpha' | 'beta' | 'gamma', count: number, from = 0) => {
    const accounts = Array.from({ length: count }, (_, index) => ({ name: `A${from + index}` }));
    return world.query<Created>(
      { tenant },
      'mutation ($input: CreateAccountsInput!) { createAccounts(input: $input) { userErrors { message code } } }',
      { input: { accounts } },
    );
  };

  it('counts a tenant that was not measured yet for its first write, not for each', async () => {
    const counted = (): number =>
      world.statements.filter(({ text }) => /count\(\*\)/.test(text)).length;
    world.forgetStatements();
    await createAccounts('beta', 1, 700);
    expect(counted()).toBe(1);
    await createAccounts('beta', 1, 701);
    expect(counted()).toBe(1);
  });

  it('tells its admin what is used, and nobody else', async () => {
    await createAccounts('gamma', 3);
    const answer = await world.query<Usage>({ tenant: 'gamma' }, USAGE);
    expect(answer.text).toContain('tenantUsage');
    expect(answer.data.tenantUsage).toMatchObject({
      plan: 'standard',
      trialEndsAt: null,
      users: { used: 3, limit: 1000 },
      records: { used: 3, limit: 10_000_000 },
      requestsPerMinute: null,
    });
    const { requestsToday, storageBytes } = answer.data.tenantUsage;
    expect(requestsToday.used).toBeGreaterThanOrEqual(2);
    expect(storageBytes.used).toBeGreaterThan(100_000);
    const refused = await world.query({ tenant: 'gamma', role: 'member' }, USAGE);
    expect(refused.errors[0]?.extensions.code).toBe('FORBIDDEN');
  });

  it('counts of a shared database the tenant’s own share', async () => {
    const before = await world.query<Usage>({ tenant: 'beta' }, USAGE);
    await createAccounts('alpha', 50);
    await world.sql(world.tenants.alpha.database, 'analyze');
    await new Promise((resolve) => setTimeout(resolve, 5100)); // what was measured is believed so long
    const after = await world.query<Usage>({ tenant: 'beta' }, USAGE);
    expect(after.data.tenantUsage.records.used).toBe(before.data.tenantUsage.records.used);
    const alpha = await world.query<Usage>({ tenant: 'alpha' }, USAGE);
    expect(alpha.data.tenantUsage.records.used).toBe(50);
  });

  it('refuses records beyond its limit, to the record, and keeps what is there', async () => {
    await setLimits('alpha', { max_records: 60 });
    await settle('alpha');
    const fits = await createAccounts('alpha', 10, 100);
    expect(fits.data['createAccounts']?.userErrors).toEqual([]);
    const one = await world.query<Created>(
      { tenant: 'alpha' },
      'mutation { createAccount(input: { name: "One too many" }) { account { id } userErrors { message code } } }',
    );
    expect(one.data['createAccount']).toEqual({
      account: null,
      userErrors: [
        {
          message: 'The plan "standard" allows 60 records: there are 60 already.',
          code: 'LIMIT_REACHED',
        },
      ],
    });
    const upsert = await world.query<Created>(
      { tenant: 'alpha' },
      'mutation { upsertAccount(input: { externalId: "x-1", name: "Beside" }) { userErrors { code } } }',
    );
    expect(upsert.data['upsertAccount']?.userErrors).toEqual([{ code: 'LIMIT_REACHED' }]);
    const all = await world.query<{ accounts: { totalCount: number } }>(
      { tenant: 'alpha' },
      '{ accounts { totalCount } }',
    );
    expect(all.data.accounts.totalCount).toBe(60);
    // The neighbour in the same database has the plan's limit.
    const neighbour = await createAccounts('beta', 5);
    expect(neighbour.data['createAccounts']?.userErrors).toEqual([]);
    await setLimits('alpha', {});
    await settle('alpha');
    const again = await createAccounts('alpha', 1, 500);
    expect(again.data['createAccounts']?.userErrors).toEqual([]);
  });

  it('refuses users beyond its limit', async () => {
    await setLimits('beta', { max_users: 3 });
    await settle('beta');
    const answer = await world.query<Created>(
      { tenant: 'beta' },
      'mutation { createUser(input: { name: "Four", email: "four@beta.test" }) { userErrors { code message } } }',
    );
    expect(answer.data['createUser']?.userErrors).toEqual([
      {
        code: 'LIMIT_REACHED',
        message: 'The plan "standard" allows 3 users: there are 3 already.',
      },
    ]);
  });

  it('asks nothing more of the database while it is far from its limits', async () => {
    await createAccounts('gamma', 1, 600);
    world.forgetStatements();
    await createAccounts('gamma', 1, 601);
    expect(world.statements.some(({ text }) => /count\(\*\)/.test(text))).toBe(false);
  });

  it('answers requests beyond its minute with 429, and the neighbour’s as ever', async () => {
    await setLimits('beta', { requests_per_minute: 20 });
    await settle('beta');
    let refused;
    for (let times = 0; times < 60 && refused === undefined; times += 1) {
      const answer = await world.query({ tenant: 'beta' }, '{ viewer { tenant { slug } } }');
      if (answer.status === 429) refused = answer;
    }
    expect(refused?.errors[0]?.extensions).toMatchObject({ code: 'RATE_LIMITED' });
    expect(refused?.errors[0]?.extensions['retryAfterSeconds']).toBeGreaterThanOrEqual(1);
    const neighbour = await world.query({ tenant: 'alpha' }, '{ viewer { tenant { slug } } }');
    expect(neighbour.status).toBe(200);
  });

  it('serves again who was refused for the day, as soon as the limit is raised', async () => {
    const ask = () => world.query({ tenant: 'gamma' }, '{ viewer { tenant { slug } } }');
    await setLimits('gamma', { requests_per_day: 1 });
    await settle('gamma');
    expect((await ask()).status).toBe(429);
    await setLimits('gamma', { requests_per_day: 1_000_000 });
    await settle('gamma');
    expect((await ask()).status).toBe(200);
  });
});
