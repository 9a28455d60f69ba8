/** Two server processes over one registry: what is changed there reaches both within five seconds. */
import { Client } from 'pg';
import { resumeTenant, suspendTenant } from '../../src/platform/tenant-lifecycle';
import { moveTenant } from '../../src/tenancy/move/move-tenant';
import { enrolDataSource, migrateDataSource } from '../../src/tenancy/provision';
import { cliEnvironment, cloister } from '../support/cli';
import { eventually } from '../support/data-sources';
import { cloneDatabase, type TestDatabase } from '../support/databases';
import { startServerProcess, type ServerProcess } from '../support/processes';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy';
import {
  createWorld,
  PASSWORD,
  testTenantTemplate,
  type TenantName,
  type World,
} from '../support/world';

const ACCOUNTS = '{ accounts(first: 100) { totalCount } }';
const CREATE_MANY =
  'mutation ($records: [CreateAccountInput!]!) { createAccounts(input: { accounts: $records }) { userErrors { message } } }';
const CREATE =
  'mutation ($name: String!) { createAccount(input: { name: $name }) { account { id } userErrors { message } } }';
/** A change must have taken effect after this. */
const EFFECTIVE_MS = 5000;

interface Reply {
  readonly outcome: string;
  readonly count: number | undefined;
}

describe('two server processes', () => {
  let world: World;
  let registryProxy: TcpProxy;
  let sourceProxy: TcpProxy;
  let servers: readonly ServerProcess[];
  let target: TestDatabase;
  const tokens = new Map<TenantName, string>();

  const variables = (registryUrl: string) => ({
    ...cliEnvironment(world.registry),
    REGISTRY_URL: registryUrl,
    AUTH_SESSION_CHECK_SECONDS: '0',
    JOBS_CONCURRENCY: '0',
  });
  const post = async (url: string, query: string, given: object, token?: string) => {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ query, variables: given }),
    });
    const body = (await response.json()) as {
      data?: { accounts?: { totalCount: number }; login?: { accessToken: string } };
      errors?: { extensions: { code: string } }[];
    };
    return { status: response.status, ...body };
  };
  const ask = async (
    server: ServerProcess | undefined,
    tenant: TenantName,
    query = ACCOUNTS,
    given: object = {},
  ): Promise<Reply> => {
    const url = server?.url ?? '';
    if (!tokens.has(tenant)) {
      const { data } = await post(
        url,
        'mutation ($input: LoginInput!) { login(input: $input) { accessToken } }',
        { input: { email: `admin@${tenant}.test`, password: PASSWORD } },
      );
      tokens.set(tenant, data?.login?.accessToken ?? '');
    }
    const { status, data, errors } = await post(url, query, given, tokens.get(tenant));
    const code = errors?.[0]?.extensions.code ?? 'OK';
    return { outcome: `${status} ${code}`, count: data?.accounts?.totalCount };
  };
  const both = (tenant: TenantName, holds: (reply: Reply) => boolean) =>
    Promise.all(
      servers.map((server) => eventually(() => ask(server, tenant), holds, EFFECTIVE_MS)),
    );
  const bothSay = (tenant: TenantName, outcome: string) =>
    both(tenant, (reply) => reply.outcome === outcome);

  beforeAll(async () => {
    world = await createWorld();
    registryProxy = await startTcpProxy(world.registry.appUrl);
    sourceProxy = await startTcpProxy(world.tenants.gamma.database.appUrl);
    servers = await Promise.all([
      startServerProcess(variables(registryProxy.through(world.registry.appUrl))),
      startServerProcess(variables(world.registry.appUrl)),
    ]);
    for (const tenant of ['alpha', 'gamma', 'delta'] as const) await bothSay(tenant, '200 OK');
  });
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await Promise.all([registryProxy.close(), sourceProxy.close()]);
    await world.close();
    await target?.drop();
  });

  it('both stop serving a tenant that is suspended, and serve it when it is resumed', async () => {
    const change = { tenantId: world.tenants.alpha.id, actor: 'test' };
    await suspendTenant(world.application.tenancy, change);
    await bothSay('alpha', '403 TENANT_SUSPENDED');
    await resumeTenant(world.application.tenancy, change);
    await bothSay('alpha', '200 OK');
  });

  it('both connect anew where a data source’s URL has changed, and when they are told to', async () => {
    const { appUrl } = world.tenants.gamma.database;
    const url = (to: string) =>
      enrolDataSource(world.application.tenancy, {
        name: 'dedicated',
        placement: 'dedicated',
        url: to,
      });
    await url(sourceProxy.through(appUrl));
    await eventually(
      async () => {
        await Promise.all(servers.map((server) => ask(server, 'gamma')));
        return sourceProxy.open();
      },
      (open) => open >= 2,
      EFFECTIVE_MS,
    );
    const attempts = sourceProxy.attempts();
    const { exitCode } = await cloister(['invalidate', 'gamma'], cliEnvironment(world.registry));
    expect(exitCode).toBe(0);
    await eventually(
      async () => {
        await Promise.all(servers.map((server) => ask(server, 'gamma')));
        return sourceProxy.attempts() - attempts;
      },
      (made) => made >= 2,
      EFFECTIVE_MS,
    );
    await url(appUrl);
    await bothSay('gamma', '200 OK');
  });

  it('hear what they missed while their line to the registry was cut', async () => {
    const change = { tenantId: world.tenants.delta.id, actor: 'test' };
    registryProxy.set('refuse');
    registryProxy.cut();
    await suspendTenant(world.application.tenancy, change);
    // Known tenants are served meanwhile, as they were known.
    expect((await ask(servers[0], 'delta')).outcome).toBe('200 OK');
    registryProxy.set('pass');
    await eventually(
      () => ask(servers[0], 'delta'),
      ({ outcome }) => outcome === '403 TENANT_SUSPENDED',
      10_000,
    );
    await resumeTenant(world.application.tenancy, change);
    await bothSay('delta', '200 OK');
  });

  it('both follow a tenant that is moved, with everything written through either', async () => {
    const { tenancy } = world.application;
    target = await cloneDatabase(await testTenantTemplate());
    const spec = { name: 'target', placement: 'dedicated', url: target.appUrl } as const;
    const id = await enrolDataSource(tenancy, { ...spec, migrationUrl: target.ownerUrl });
    const row = await tenancy.registry.findDataSource(id);
    if (row !== undefined) await migrateDataSource(tenancy, row);
    for (const server of servers) {
      expect((await ask(server, 'alpha', CREATE, { name: 'before' })).outcome).toBe('200 OK');
    }
    await moveTenant(tenancy, {
      tenantId: world.tenants.alpha.id,
      targetDataSourceId: id,
      actor: 'test',
    });
    for (const server of servers) {
      expect((await ask(server, 'alpha', CREATE, { name: 'after' })).outcome).toBe('200 OK');
    }
    await both('alpha', ({ count }) => count === 4);
    const rows = await world.sql(target, 'select name from cloister.accounts order by name');
    expect(rows).toHaveLength(4);
  });

  /** Kills a process while Postgres works on its mutation. @returns which accounts there are then. */
  async function killedWithin(query: string, given: object, names: string): Promise<unknown[]> {
    const victim = await startServerProcess(variables(world.registry.appUrl));
    const { database } = world.tenants.gamma;
    const locker = new Client({ connectionString: database.superuserUrl });
    const waiting = () =>
      world.sql(
        database,
        "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
    await locker.connect();
    try {
      await ask(victim, 'gamma');
      expect((await ask(victim, 'gamma', CREATE, { name: `${names} before` })).outcome).toBe(
        '200 OK',
      );
      // The account is written, and its entry in the change log has to wait: in the same transaction.
      await locker.query('begin; lock table cloister.change_log in access exclusive mode');
      const lost = ask(victim, 'gamma', query, given).catch(() => 'gone');
      await eventually(waiting, ({ length }) => length === 1);
      await victim.kill();
      expect(await lost).toBe('gone');
    } finally {
      await locker.end();
    }
    await eventually(waiting, ({ length }) => length === 0);
    const [accounts, logged] = await Promise.all(
      [
        'select name from cloister.accounts where name like $1 order by name',
        `select after ->> 'name' as name from cloister.change_log where after ->> 'name' like $1 order by 1`,
      ].map((text) => world.sql<{ name: string }>(database, text, [`${names} %`])),
    );
    expect(logged).toEqual(accounts);
    expect((await ask(servers[0], 'gamma', CREATE, { name: 'goes on' })).outcome).toBe('200 OK');
    return (accounts ?? []).map(({ name }) => name);
  }

  it('leave nothing of a write when one is killed in the middle of it', async () => {
    const records = [{ name: 'several one' }, { name: 'several two' }];
    const left = await killedWithin(CREATE_MANY, { records }, 'several');
    expect(left).toEqual(['several before']);
  });

  it('leave all of a write that was sent with its commit, with its entry in the change log', async () => {
    const left = await killedWithin(CREATE, { name: 'single one' }, 'single');
    expect(left).toEqual(['single before', 'single one']);
  });
});
