/** Many tenants at once, and one that is down for long: what the others notice of it, counted. */
import { uuidv7 } from 'uuidv7';
import { settleAll } from '../../src/lib/settle-all';
import { createTenancy } from '../../src/tenancy/tenancy';
import { enrolDataSource } from '../../src/tenancy/provision';
import { startTcpProxy } from '../support/tcp-proxy';
import { createWorld, testConfig, type World } from '../support/world';

const COLD_TENANTS = 500;
const BUDGET = 20;
const ACCOUNTS = '{ accounts(first: 1) { nodes { id } } }';

describe('with many tenants', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld();
  });
  afterAll(() => world.close());

  it('500 cold ones at once, each with a data source of its own, stay within the connection budget', async () => {
    const { database } = world.tenants.gamma;
    const config = testConfig(world.registry, {
      CONNECTION_BUDGET: String(BUDGET),
      LEASE_TIMEOUT_MS: '60000',
    });
    const tenancy = createTenancy(config, { listen: false });
    try {
      const template = await tenancy.registry.findTenant(world.tenants.gamma.id);
      const ids = Array.from({ length: COLD_TENANTS }, () => uuidv7());
      const enrolled = await settleAll(ids, 8, async (id) => {
        const index = ids.indexOf(id);
        const dataSourceId = await enrolDataSource(tenancy, {
          name: `cold-${index}`,
          placement: 'dedicated',
          url: database.appUrl,
        });
        await tenancy.registry.insertTenant({
          id,
          slug: `cold-${index}`,
          name: `Cold ${index}`,
          dataSourceId,
          tenantIdInDataSource: template?.tenantIdInDataSource ?? '',
        });
      });
      expect(enrolled.filter(({ status }) => status === 'rejected')).toEqual([]);
      let most = 0;
      let watching = true;
      const watch = (async () => {
        while (watching) {
          const [row] = await world.sql<{ open: number }>(
            database,
            "select count(*)::int as open from pg_stat_activity where datname = current_database() and application_name = 'cloister' and usename = 'cloister_shared_app'",
          );
          most = Math.max(most, row?.open ?? 0);
        }
      })();
      const [held] = await Promise.all([
        Promise.all(
          ids.map(async (id) => {
            const tenant = await tenancy.directory.findTenant(id);
            if (tenant === undefined) throw new Error(`The tenant ${id} is not found.`);
            const session = tenancy.openSession(tenant);
            const rows = await session.query({
              text: 'select count(*) from cloister.users where tenant_id = $1',
              values: [session.localTenantId],
            });
            await session.end();
            return rows.length;
          }),
        ).finally(() => (watching = false)),
        watch,
      ]);
      expect(held).toEqual(Array.from({ length: COLD_TENANTS }, () => 1));
      expect(most).toBeGreaterThan(1);
      // The world's own server may hold a few of the same role beside ours.
      const others = world.application.tenancy.pools.budget.taken();
      expect(most).toBeLessThanOrEqual(BUDGET + others);
      expect(tenancy.pools.budget.taken()).toBeLessThanOrEqual(BUDGET);
    } finally {
      await tenancy.close();
    }
  }, 120_000);

  it('one whose data source is down for long costs the others not a statement, connection or answer', async () => {
    const { database } = world.tenants.gamma;
    const proxy = await startTcpProxy(database.appUrl);
    const { tenancy } = world.application;
    const connect = (url: string) =>
      enrolDataSource(tenancy, { name: 'dedicated', placement: 'dedicated', url });
    try {
      await world.query({ tenant: 'gamma' }, ACCOUNTS);
      await world.query({ tenant: 'alpha' }, ACCOUNTS);
      world.forgetStatements();
      for (let round = 0; round < 20; round += 1) await world.query({ tenant: 'alpha' }, ACCOUNTS);
      const alone = world.statements.length;

      await connect(proxy.through(database.appUrl));
      proxy.set('refuse');
      for (let down = 0; down < 2;) {
        const { errors } = await world.query({ tenant: 'gamma' }, ACCOUNTS);
        if (errors[0]?.extensions.code === 'TENANT_UNAVAILABLE') down += 1;
      }
      const openBefore = poolOf('shared')?.open ?? 0;
      const attempts = proxy.attempts();
      world.forgetStatements();
      const startedAt = Date.now();
      for (let round = 0; round < 20; round += 1) {
        const [gamma, alpha] = await Promise.all([
          world.query({ tenant: 'gamma' }, ACCOUNTS),
          world.query({ tenant: 'alpha' }, ACCOUNTS),
        ]);
        expect(gamma.errors[0]?.extensions.code).toBe('TENANT_UNAVAILABLE');
        expect(alpha.status).toBe(200);
        expect(alpha.errors).toEqual([]);
      }
      expect(world.statements).toHaveLength(alone);
      expect(poolOf('shared')?.open).toBeLessThanOrEqual(openBefore + 1);
      expect(poolOf('dedicated')).toMatchObject({ open: 0, waiting: 0 });
      // It is tried once in each five seconds, by one request.
      const windows = Math.ceil((Date.now() - startedAt) / 5000) + 1;
      expect(proxy.attempts() - attempts).toBeLessThanOrEqual(windows);
    } finally {
      await connect(database.appUrl);
      await proxy.close();
    }
  });

  const poolOf = (name: string) =>
    world.application.tenancy.pools.stats().find(({ dataSource }) => dataSource === name);
});
