import { uuidv7 } from 'uuidv7';
import type { DataSource } from '../../src/tenancy/directory';
import type { PoolManager } from '../../src/tenancy/pools';
import { ask, dataSourceAt, eventually, openSessionOn, testPools } from '../support/data-sources';
import { cloneDatabase, type TestDatabase } from '../support/databases';
import { findPgBouncer, startPgBouncer, type PgBouncer } from '../support/pgbouncer';
import { testTenantTemplate } from '../support/world';

const SERVER_CONNECTIONS = 3;
const TENANTS = Array.from({ length: 5 }, () => uuidv7());
const OWN = { text: 'select tenant_id from cloister.tenants', values: [], name: 'own' };

const version = findPgBouncer();
const describeWithPgBouncer = (version === undefined ? describe.skip : describe).each([
  'direct',
  'distributed',
] as const);
const title = version === undefined ? 'skipped, for no pgbouncer is installed here' : version;

describeWithPgBouncer(`%s sessions behind PgBouncer in transaction mode (${title})`, (style) => {
  let database: TestDatabase;
  let bouncer: PgBouncer;
  let pools: PoolManager;
  let dataSource: DataSource;
  const open = (tenantId: string) => openSessionOn(pools, dataSource, tenantId);

  beforeAll(async () => {
    database = await cloneDatabase(await testTenantTemplate());
    bouncer = await startPgBouncer(database.appUrl, { serverConnections: SERVER_CONNECTIONS });
    pools = testPools({ connectionBudget: 40 });
    dataSource = dataSourceAt(bouncer.through(database.appUrl), {
      namedStatements: false,
      sessionStyle: style,
      poolMax: 30,
    });
    for (const id of TENANTS) {
      const text = 'insert into cloister.tenants (tenant_id, slug, name) values ($1, $2, $2)';
      await open(id).query({ text, values: [id, `t-${id}`] });
    }
  });
  afterAll(async () => {
    await pools.close();
    await bouncer.close();
    await database.drop();
  });

  it('see their own tenant only, however requests of all kinds share server connections', async () => {
    const wrong: unknown[] = [];
    const expectOwn = (tenantId: string, rows: { tenant_id: string }[]): void => {
      if (rows.length !== 1 || rows[0]?.tenant_id !== tenantId) wrong.push({ tenantId, rows });
    };
    const alone = async (id: string) => expectOwn(id, await open(id).query(OWN));
    const failing = (id: string) =>
      open(id)
        .query({ text: 'select 1 / 0', values: [] })
        .catch(() => undefined);
    const view = async (id: string) => {
      const session = open(id);
      session.plan(3);
      expectOwn(id, await session.query(OWN));
      expectOwn(id, await session.query(OWN));
      await session.end();
    };
    const write = (id: string) =>
      open(id).transaction(async (tx) => {
        await tx.query({ text: 'update cloister.tenants set name = name', values: [] });
        expectOwn(id, await tx.query(OWN));
      });
    const kinds = [alone, failing, view, write];
    const queue = Array.from({ length: 2000 }, (_, index) => index);
    const worker = async (): Promise<void> => {
      for (let index = queue.pop(); index !== undefined; index = queue.pop()) {
        await kinds[index % kinds.length]?.(TENANTS[index % TENANTS.length] ?? '');
      }
    };
    await Promise.all(Array.from({ length: 30 }, worker));
    expect(wrong).toEqual([]);
    const [row] = await ask<{ count: number }>(
      database.superuserUrl,
      "select count(*)::int from pg_stat_activity where datname = current_database() and usename = 'cloister_shared_app'",
    );
    expect(row?.count).toBeLessThanOrEqual(SERVER_CONNECTIONS);
  });

  it('leave no tenant behind for a query that states none', async () => {
    const rows = await ask(bouncer.through(database.appUrl), OWN.text);
    expect(rows).toEqual([]);
  });

  it('cancel what runs in the server', async () => {
    const session = open(TENANTS[0] ?? '');
    const query = session.query({ text: 'select pg_sleep(30)', values: [] });
    const outcome = expect(query).rejects.toThrow('client left');
    const sleeping = () =>
      ask(
        database.superuserUrl,
        "select 1 from pg_stat_activity where state = 'active' and query = 'select pg_sleep(30)'",
      );
    await eventually(sleeping, ({ length }) => length === 1);
    session.cancel(new Error('client left'));
    await outcome;
    await eventually(sleeping, ({ length }) => length === 0, 1000);
  });
});
