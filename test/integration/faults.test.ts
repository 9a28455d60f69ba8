/** What fails around the server, and whom it hurts: over HTTP, with proxies that misbehave on demand. */
import { Client } from 'pg';
import { randomBytes } from 'node:crypto';
import { createApplication, type Application } from '../../src/application';
import { TENANT_UNAVAILABLE_REMEDIES, type TenantUnavailableReason } from '../../src/errors';
import { createLogger } from '../../src/server/logger';
import { enrolDataSource } from '../../src/tenancy/provision';
import { seal } from '../../src/tenancy/secrets/envelope';
import { parseKeyring } from '../../src/tenancy/secrets/keyring';
import { eventually } from '../support/data-sources';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy';
import {
  createWorld,
  PASSWORD,
  testConfig,
  type Answer,
  type TenantName,
  type World,
} from '../support/world';

const ACCOUNTS = '{ accounts(first: 1) { nodes { id } } }';
const LOGIN = 'mutation ($input: LoginInput!) { login(input: $input) { accessToken } }';
/** What the requirement allows before the breaker is open. */
const FIRST_ANSWER_MS = 3000;
/** A change to the registry must have taken effect after this. */
const EFFECTIVE_MS = 5000;

interface Caller {
  ask(tenant: TenantName, query?: string): Promise<Answer>;
  login(tenant: TenantName): Promise<Answer<{ login: { accessToken: string } }>>;
}

function clientOf(url: string): Caller {
  const tokens = new Map<TenantName, string>();
  const post = async <T>(query: string, variables?: object, token?: string): Promise<Answer<T>> => {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ query, variables }),
    });
    const text = await response.text();
    const body = JSON.parse(text) as Partial<Answer<T>>;
    return {
      status: response.status,
      text,
      data: (body.data ?? {}) as T,
      errors: body.errors ?? [],
    };
  };
  const login: Caller['login'] = (tenant) =>
    post(LOGIN, { input: { email: `admin@${tenant}.test`, password: PASSWORD } });
  return {
    login,
    async ask(tenant, query = ACCOUNTS) {
      const token = tokens.get(tenant) ?? (await login(tenant)).data.login.accessToken;
      tokens.set(tenant, token);
      return post(query, undefined, token);
    },
  };
}

const codeOf = ({ status, errors }: Answer): string =>
  `${status} ${errors[0]?.extensions.code ?? 'OK'}`;

function expectUnavailable(answer: Answer, reason: TenantUnavailableReason): void {
  expect(codeOf(answer)).toBe('503 TENANT_UNAVAILABLE');
  expect(answer.errors[0]?.message).toBe(TENANT_UNAVAILABLE_REMEDIES[reason]);
  expect(answer.errors[0]?.extensions).toMatchObject({ reason, retryAfterSeconds: 5 });
}

const environment = { AUTH_SESSION_CHECK_SECONDS: '0', STATEMENT_TIMEOUT_MS: '1500' };

describe('a fault', () => {
  let world: World;
  let proxy: TcpProxy;
  let registryProxy: TcpProxy;
  let application: Application;
  let second: Application;
  let here: Caller;
  let there: Caller;

  const start = async (registryUrl: string): Promise<[Application, Caller]> => {
    const config = testConfig(world.registry, { ...environment, REGISTRY_URL: registryUrl });
    const started = await createApplication({
      config,
      logger: createLogger('silent'),
      refusalBeatMs: 1,
    });
    const { url } = await started.http.listen();
    return [started, clientOf(url)];
  };
  const setDataSource = (name: string, url: string) =>
    enrolDataSource(world.application.tenancy, { name, placement: 'dedicated', url });
  const registrySql = (text: string, values: unknown[] = []) =>
    world.sql(world.registry, text, values);
  const gammaPool = () =>
    application.tenancy.pools.stats().find(({ dataSource }) => dataSource === 'dedicated');
  const gammaWorks = () =>
    eventually(
      () => here.ask('gamma'),
      (answer) => codeOf(answer) === '200 OK',
      10_000,
    );

  beforeAll(async () => {
    world = await createWorld({ environment });
    proxy = await startTcpProxy(world.tenants.gamma.database.appUrl);
    registryProxy = await startTcpProxy(world.registry.appUrl);
    await setDataSource('dedicated', proxy.through(world.tenants.gamma.database.appUrl));
    [application, here] = await start(registryProxy.through(world.registry.appUrl));
    [second, there] = await start(world.registry.appUrl);
    for (const tenant of ['alpha', 'gamma', 'delta'] as const) {
      for (const client of [here, there]) expect(codeOf(await client.ask(tenant))).toBe('200 OK');
    }
  });
  afterEach(async () => {
    proxy.set('pass');
    registryProxy.set('pass');
    proxy.cut();
    await gammaWorks();
  });
  afterAll(async () => {
    await Promise.all([application.close(), second.close()]);
    await proxy.close();
    await registryProxy.close();
    await world.close();
  });

  describe('of a data source', () => {
    it.each(['refuse', 'blackhole'] as const)(
      '(%s) is told within 3 s, at once when it is known, hurts no other tenant, and passes',
      async (mode) => {
        proxy.set(mode);
        if (mode === 'refuse') proxy.cut();
        await eventually(
          async () => {
            const askedAt = performance.now();
            const [gamma, alpha] = await Promise.all([here.ask('gamma'), here.ask('alpha')]);
            expectUnavailable(gamma, 'DATA_SOURCE_UNREACHABLE');
            expect(codeOf(alpha)).toBe('200 OK');
            expect(performance.now() - askedAt).toBeLessThan(FIRST_ANSWER_MS);
            return gammaPool()?.breaker;
          },
          (breaker) => breaker === 'open',
          10_000,
        );
        const attempts = proxy.attempts();
        for (let request = 0; request < 5; request += 1) {
          expectUnavailable(await here.ask('gamma'), 'DATA_SOURCE_UNREACHABLE');
        }
        expect(proxy.attempts()).toBe(attempts);
        expect(codeOf(await here.ask('delta'))).toBe('200 OK');
        proxy.set('pass');
        proxy.cut();
        await gammaWorks();
      },
    );

    it('in the middle of a statement is told within 3 s, whether the line is cut or silent', async () => {
      const { database } = world.tenants.gamma;
      for (const happens of ['cut', 'blackhole'] as const) {
        await gammaWorks();
        const locker = new Client({ connectionString: database.superuserUrl });
        await locker.connect();
        await locker.query('begin; lock table cloister.accounts');
        const askedAt = performance.now();
        const answer = here.ask('gamma');
        await eventually(
          () => gammaPool()?.leased,
          (leased) => leased === 1,
        );
        if (happens === 'cut') proxy.cut();
        else proxy.set('blackhole');
        expectUnavailable(await answer, 'DATA_SOURCE_UNREACHABLE');
        expect(performance.now() - askedAt).toBeLessThan(FIRST_ANSWER_MS);
        proxy.set('pass');
        await locker.end();
      }
    });

    it('that is merely slow is a TIMEOUT, and the statement is ended in the server', async () => {
      const { database } = world.tenants.gamma;
      const locker = new Client({ connectionString: database.superuserUrl });
      await locker.connect();
      await locker.query('begin; lock table cloister.accounts');
      expect(codeOf(await here.ask('gamma'))).toBe('504 TIMEOUT');
      const waiting = await world.sql(
        database,
        "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      expect(waiting).toEqual([]);
      expect(gammaPool()?.breaker).toBe('closed');
      await locker.end();
    });

    it('ends the statements of a client that has gone, within a second', async () => {
      const { database } = world.tenants.gamma;
      const locker = new Client({ connectionString: database.superuserUrl });
      await locker.connect();
      await locker.query('begin; lock table cloister.accounts');
      const token = (await here.login('gamma')).data.login.accessToken;
      const controller = new AbortController();
      const address = application.http.app.server.address() as { port: number };
      const asked = fetch(`http://127.0.0.1:${address.port}/graphql`, {
        method: 'POST',
        signal: controller.signal,
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: JSON.stringify({ query: ACCOUNTS }),
      }).catch(() => 'gone');
      const blocked = () =>
        world.sql(
          database,
          "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
        );
      await eventually(blocked, ({ length }) => length === 1);
      controller.abort();
      expect(await asked).toBe('gone');
      await eventually(blocked, ({ length }) => length === 0, 1000);
      await eventually(
        () => gammaPool()?.leased,
        (leased) => leased === 0,
      );
      await locker.end();
    });
  });

  describe('of the registry', () => {
    it.each(['refuse', 'blackhole'] as const)(
      '(%s) does not stop known tenants, and passes',
      async (mode) => {
        application.tenancy.directory.invalidateAll();
        for (const tenant of ['alpha', 'gamma', 'delta'] as const) await here.ask(tenant);
        registryProxy.set(mode);
        if (mode === 'refuse') registryProxy.cut();
        application.tenancy.directory.invalidateAll(); // all entries are due
        for (const tenant of ['alpha', 'gamma', 'delta'] as const) {
          const askedAt = performance.now();
          expect(codeOf(await here.ask(tenant))).toBe('200 OK');
          expect(performance.now() - askedAt).toBeLessThan(FIRST_ANSWER_MS);
        }
        const askedAt = performance.now();
        expectUnavailable(await here.login('alpha'), 'REGISTRY_UNREACHABLE');
        expect(performance.now() - askedAt).toBeLessThan(FIRST_ANSWER_MS);

        const { port } = application.http.app.server.address() as { port: number };
        expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
        expect(await (await fetch(`http://127.0.0.1:${port}/readyz`)).json()).toEqual({
          ready: true,
          checks: { registry: 'unreachable' },
        });

        registryProxy.set('pass');
        registryProxy.cut();
        await eventually(
          () => here.login('alpha'),
          (answer) => codeOf(answer) === '200 OK',
          15_000,
        );
        await eventually(
          () => application.tenancy.listener?.connected(),
          (connected) => connected === true,
          15_000,
        );
      },
    );

    it('refuses tenants that it does not know, by name', async () => {
      // A connection that was begun while the registry was away may still be given out.
      const login = await eventually(
        () => here.login('beta'),
        (answer) => codeOf(answer) === '200 OK',
        15_000,
      );
      const token = login.data.login.accessToken;
      const [fresh, client] = await start(registryProxy.through(world.registry.appUrl));
      try {
        registryProxy.set('refuse');
        registryProxy.cut();
        const { port } = fresh.http.app.server.address() as { port: number };
        const response = await fetch(`http://127.0.0.1:${port}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
          body: JSON.stringify({ query: ACCOUNTS }),
        });
        const body = (await response.json()) as Answer;
        expect(body.errors[0]?.extensions).toMatchObject({
          code: 'TENANT_UNAVAILABLE',
          reason: 'REGISTRY_UNREACHABLE',
        });
        expectUnavailable(await client.login('beta'), 'REGISTRY_UNREACHABLE');
      } finally {
        registryProxy.set('pass');
        await fresh.close();
      }
    });
  });

  describe('in the configuration', () => {
    const sealed = () =>
      registrySql('select id, name, url_sealed from registry.data_sources') as Promise<
        { id: string; name: string; url_sealed: string }[]
      >;
    const sees = (tenant: TenantName, reason: TenantUnavailableReason) =>
      Promise.all(
        [here, there].map(async (client) => {
          const answer = await eventually(
            () => client.ask(tenant),
            ({ errors }) => errors[0]?.extensions['reason'] === reason,
            EFFECTIVE_MS,
          );
          expectUnavailable(answer, reason);
        }),
      );
    const works = (tenant: TenantName) =>
      Promise.all(
        [here, there].map((client) =>
          eventually(
            () => client.ask(tenant),
            (answer) => codeOf(answer) === '200 OK',
            10_000,
          ),
        ),
      );

    it('is named when credentials of two data sources change places, and neither is connected to', async () => {
      const rows = await sealed();
      const of = (name: string) =>
        rows.find((row) => row.name === name) ?? { id: '', url_sealed: '' };
      const set = 'update registry.data_sources set url_sealed = $2 where id = $1';
      await registrySql(set, [of('dedicated').id, of('byo').url_sealed]);
      await registrySql(set, [of('byo').id, of('dedicated').url_sealed]);
      await sees('gamma', 'BAD_KEY');
      await sees('delta', 'BAD_KEY');
      const attempts = proxy.attempts();
      expectUnavailable(await here.ask('gamma'), 'BAD_KEY');
      expect(proxy.attempts()).toBe(attempts);
      for (const { id, url_sealed: value } of rows) await registrySql(set, [id, value]);
      await works('gamma');
      await works('delta');
    });

    it('is named when credentials are sealed with a key that we do not hold', async () => {
      const row = (await sealed()).find(({ name }) => name === 'byo') ?? { id: '', url_sealed: '' };
      const stranger = parseKeyring(`stranger:${randomBytes(32).toString('hex')}`);
      const value = seal(
        world.tenants.delta.database.appUrl,
        { rowId: row.id, column: 'url_sealed' },
        stranger,
      );
      const set = 'update registry.data_sources set url_sealed = $2 where id = $1';
      await registrySql(set, [row.id, value]);
      await sees('delta', 'BAD_KEY');
      await registrySql(set, [row.id, row.url_sealed]);
      await works('delta');
    });

    it('is named when a tenant has no data source, or is called otherwise there', async () => {
      const { id, localTenantId } = world.tenants.delta;
      const [before] = (await registrySql(
        'select data_source_id from registry.tenants where id = $1',
        [id],
      )) as { data_source_id: string }[];
      await registrySql('update registry.tenants set data_source_id = null where id = $1', [id]);
      await sees('delta', 'NO_DATA_SOURCE');
      await registrySql(
        'update registry.tenants set data_source_id = $2, tenant_id_in_data_source = $1 where id = $1',
        [id, before?.data_source_id],
      );
      await sees('delta', 'TENANT_ID_MISMATCH');
      await registrySql('update registry.tenants set tenant_id_in_data_source = $2 where id = $1', [
        id,
        localTenantId,
      ]);
      await works('delta');
    });

    it('is named when the role could step around row-level security, or the schema is another', async () => {
      const { appUrl, ownerUrl } = world.tenants.delta.database;
      await setDataSource('byo', ownerUrl);
      await sees('delta', 'UNSAFE_ROLE');
      await world.sql(
        world.tenants.delta.database,
        "update cloister.schema_migrations set name = '0000_' || name",
      );
      await setDataSource('byo', `${appUrl}?sslmode=disable`);
      // The same connection as at first: its pool is made anew once the unsafe one was seen.
      await sees('delta', 'SCHEMA_VERSION');
      await world.sql(
        world.tenants.delta.database,
        'update cloister.schema_migrations set name = substr(name, 6)',
      );
      await works('delta');
    });
  });

  describe('of nobody: a change to the registry', () => {
    const setStatus = (status: string) =>
      registrySql('update registry.tenants set status = $2 where id = $1', [
        world.tenants.delta.id,
        status,
      ]);
    const becomes = (expected: string) =>
      Promise.all(
        [here, there].map((client) =>
          eventually(
            () => client.ask('delta'),
            (answer) => codeOf(answer) === expected,
            EFFECTIVE_MS,
          ),
        ),
      );

    it('suspends, closes and re-opens a tenant on every process', async () => {
      await setStatus('suspended');
      await becomes('403 TENANT_SUSPENDED');
      await setStatus('closed');
      await becomes('403 TENANT_SUSPENDED');
      await setStatus('trial');
      await becomes('200 OK');
      await setStatus('active');
    });

    it('is heard of after the line to the registry was cut', async () => {
      registryProxy.cut();
      await eventually(
        () => application.tenancy.listener?.connected(),
        (connected) => connected === false,
      );
      await setStatus('suspended');
      await becomes('403 TENANT_SUSPENDED');
      await setStatus('active');
      await becomes('200 OK');
    });

    it('moves a tenant to where its data source is now', async () => {
      const direct = world.tenants.gamma.database.appUrl;
      await setDataSource('dedicated', direct);
      await eventually(
        async () => {
          await here.ask('gamma');
          return proxy.open();
        },
        (open) => open === 0,
        EFFECTIVE_MS,
      );
      expect(codeOf(await here.ask('gamma'))).toBe('200 OK');
      await setDataSource('dedicated', proxy.through(direct));
      await eventually(
        () => here.ask('gamma').then(() => proxy.open()),
        (open) => open > 0,
        EFFECTIVE_MS,
      );
    });
  });

  it('leaves metrics of pools, statements and directory, and no secret among them', async () => {
    const { port } = application.http.app.server.address() as { port: number };
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(text).toMatch(/cloister_pool_connections_max\{data_source="dedicated"\} 10/);
    expect(text).toMatch(/cloister_statement_duration_seconds_count\{data_source="shared"\} [1-9]/);
    expect(text).toMatch(/cloister_directory_lookups_total\{outcome="hit"\} [1-9]/);
    expect(text).toMatch(/cloister_connection_budget\{state="limit"\} 80/);
    expect(text).not.toMatch(/test-only|postgres:\/\//);
  });

  it('notes when a tenant was last used, without a word in the audit log', async () => {
    const audited = await registrySql('select count(*) from registry.audit_log');
    const [fresh] = await start(world.registry.appUrl);
    const tenant = await fresh.tenancy.directory.findTenant(world.tenants.beta.id);
    if (tenant !== undefined) fresh.tenancy.openSession(tenant);
    await fresh.close(); // writes what is left
    const [row] = await registrySql('select last_accessed_at from registry.tenants where id = $1', [
      world.tenants.beta.id,
    ]);
    expect(row).toEqual({ last_accessed_at: expect.any(Date) });
    expect(await registrySql('select count(*) from registry.audit_log')).toEqual(audited);
  });
});
