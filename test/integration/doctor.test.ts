import { OLDEST_SERVED_SCHEMA } from '../../src/database/compatibility-statement';
import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { uuidv7 } from 'uuidv7';
import type { ConnectionReport } from '../../src/tenancy/connection-report';
import { enrolDataSource } from '../../src/tenancy/provision';
import { createTenancy, type Tenancy } from '../../src/tenancy/tenancy';
import { cliEnvironment, cloister } from '../support/cli';
import { createWorld, type World } from '../support/world';

const CANARY = 'canary-9d1f7c';
const REPORT = `{ tenantConnection {
  ok checks { name status detail reason remedy }
  dataSource { name placement region status poolMin poolMax keyId }
  connection { host port database user tls }
  server { version tls connectMs queryMs }
  schemaVersion expectedSchemaVersion
  cache { hitRate unsealMs }
  pool { open idle leased waiting max breaker }
} }`;

let world: World;
let tenancy: Tenancy;
let silent: Server;

beforeAll(async () => {
  world = await createWorld();
  tenancy = createTenancy(world.config, { listen: false });
  // Accepts connections and never says a word.
  silent = createServer();
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  silent.close();
  await tenancy.close();
  await world.close();
});

/** A tenant beside the world's own, whose data source is at `url`. */
async function addTenant(slug: string, url: string, local = uuidv7()): Promise<string> {
  const dataSourceId = await enrolDataSource(tenancy, { name: slug, placement: 'dedicated', url });
  await tenancy.registry.insertTenant({
    id: uuidv7(),
    slug,
    name: slug,
    dataSourceId,
    tenantIdInDataSource: local,
  });
  return dataSourceId;
}

async function removeTenant(slug: string): Promise<void> {
  await world.sql(world.registry, 'delete from registry.tenants where slug = $1', [slug]);
  await world.sql(world.registry, 'delete from registry.data_sources where name = $1', [slug]);
}

const doctor = (...args: string[]) => cloister(['doctor', ...args], cliEnvironment(world.registry));

async function report(slug: string): Promise<ConnectionReport> {
  const { stdout } = await doctor(slug, '--json');
  const [found] = (JSON.parse(stdout) as { tenants: ConnectionReport[] }).tenants;
  if (found === undefined) throw new Error(`No report of ${slug}.`);
  return found;
}

const failures = ({ checks }: ConnectionReport) =>
  checks.filter(({ status }) => status === 'failed').map(({ name, reason }) => `${name} ${reason}`);

describe('cloister doctor', () => {
  it('says of every tenant that all is well, with what it found, and exits with 0', async () => {
    const { exitCode, stdout } = await doctor('--all');
    expect(stdout).toMatch(/^ok {4}registry .*Postgres \d+.*schema \d{4}_/m);
    for (const slug of ['alpha', 'beta', 'gamma', 'delta']) {
      expect(stdout).toMatch(
        new RegExp(`^ok    ${slug} .*127\\.0\\.0\\.1:\\d+/\\S+ as \\w+, Postgres`, 'm'),
      );
    }
    expect(stdout).toContain('4 tenant(s), none with a problem.');
    expect(exitCode).toBe(0);
  });

  it('tells of one tenant every check and everything about its connection but the password', async () => {
    const found = await report('delta');
    expect(found.ok).toBe(true);
    expect(found.checks.map(({ name, status }) => `${name} ${status}`)).toEqual(
      [
        'registry',
        'dataSource',
        'decrypt',
        'connect',
        'role',
        'policies',
        'schema',
        'tenant',
        'query',
      ].map((name) => `${name} passed`),
    );
    expect(found.dataSource).toMatchObject({
      name: 'byo',
      placement: 'byo',
      keyId: 't1',
      poolMin: 0,
      poolMax: 10,
    });
    expect(Object.keys(found.connection ?? {}).sort()).toEqual([
      'database',
      'host',
      'port',
      'tls',
      'user',
    ]);
    expect(found.server).toMatchObject({ version: expect.stringMatching(/^\d+/), tls: false });
  });

  it('exits with 1 for a tenant that does not exist', async () => {
    const { exitCode, stderr } = await doctor('nobody');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('There is no tenant "nobody"');
  });

  it('names a server that refuses connections and one that is silent, while the others are well', async () => {
    const { port } = silent.address() as AddressInfo;
    await addTenant('silent', `postgres://app:${CANARY}@127.0.0.1:${port}/nowhere`);
    await addTenant('refusing', `postgres://app:${CANARY}@127.0.0.1:1/nowhere`);
    const { exitCode, stdout } = await doctor();
    await removeTenant('silent');
    await removeTenant('refusing');
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(
      /FAIL {2}silent .*\n +connect: DATA_SOURCE_UNREACHABLE, no answer in time/,
    );
    expect(stdout).toMatch(
      /FAIL {2}refusing .*\n +connect: DATA_SOURCE_UNREACHABLE, nothing listens/,
    );
    expect(stdout).toMatch(/^ok {4}alpha /m);
    expect(stdout).toContain('6 tenant(s), 2 with a problem.');
    expect(stdout).not.toContain(CANARY);
  });

  it('names a wrong password without telling it', async () => {
    const url = new URL(world.tenants.alpha.database.appUrl);
    url.password = CANARY;
    await addTenant('locked', url.toString());
    const text = JSON.stringify(await report('locked'));
    await removeTenant('locked');
    expect(text).toContain('the password is wrong (28P01)');
    expect(text).not.toContain(CANARY);
  });

  it('names a role that could step around row-level security', async () => {
    await addTenant('careless', world.tenants.alpha.database.superuserUrl);
    await addTenant('owning', world.tenants.alpha.database.ownerUrl);
    const [careless, owning] = [await report('careless'), await report('owning')];
    await removeTenant('careless');
    await removeTenant('owning');
    expect(failures(careless)).toContain('role UNSAFE_ROLE');
    expect(careless.checks.find(({ name }) => name === 'role')?.detail).toContain('superuser');
    expect(owning.checks.find(({ name }) => name === 'role')?.detail).toContain('owner');
  });

  it('names a tenant that is not known in its data source', async () => {
    await addTenant('stranger', world.tenants.gamma.database.appUrl);
    const found = await report('stranger');
    await removeTenant('stranger');
    expect(failures(found)).toEqual(['tenant TENANT_ID_MISMATCH']);
    expect(found.checks.find(({ name }) => name === 'tenant')?.remedy).toContain(
      'tenant_id_in_data_source',
    );
  });

  it('names credentials that do not open, and a tenant without a data source', async () => {
    const id = await addTenant('moved', world.tenants.gamma.database.appUrl);
    // Sealed for another row: it must not open here.
    const other = await tenancy.registry.findDataSourceByName('dedicated');
    await tenancy.registry.updateDataSource(id, { urlSealed: other?.urlSealed ?? '' });
    const moved = await report('moved');
    await world.sql(
      world.registry,
      "update registry.tenants set data_source_id = null where slug = 'moved'",
    );
    const homeless = await report('moved');
    await removeTenant('moved');
    expect(failures(moved)).toEqual(['decrypt BAD_KEY']);
    expect(moved.connection).toBeNull();
    expect(failures(homeless)).toEqual(['dataSource NO_DATA_SOURCE']);
  });

  it.each([
    [
      'whose row security is off',
      'alter table cloister.accounts disable row level security',
      'alter table cloister.accounts enable row level security',
    ],
    [
      'that its owner could see past',
      'alter table cloister.accounts no force row level security',
      'alter table cloister.accounts force row level security',
    ],
    [
      'with a second, open policy',
      'create policy oops on cloister.accounts using (true)',
      'drop policy oops on cloister.accounts',
    ],
    [
      'whose policy lets anything be written',
      'create policy oops on cloister.accounts for insert with check (true)',
      'drop policy oops on cloister.accounts',
    ],
    [
      'without a policy',
      'create table cloister.loose (tenant_id uuid)',
      'drop table cloister.loose',
    ],
  ])('names a table %s', async (_what, harm, mend) => {
    const { database } = world.tenants.gamma;
    await world.sql(database, harm);
    const found = await report('gamma');
    await world.sql(database, mend);
    expect(failures(found)).toContain('policies UNGUARDED_TABLES');
    expect(failures(await report('gamma'))).toEqual([]);
  });

  it('names a schema that is behind, and a table that the role was not granted', async () => {
    const { database } = world.tenants.gamma;
    // Older than the release before, which would be served.
    const lacking = await world.sql<{ name: string }>(
      database,
      `delete from cloister.schema_migrations where name >= '${OLDEST_SERVED_SCHEMA}' returning name`,
    );
    await world.sql(database, 'revoke select on cloister.contacts from cloister_shared_app');
    const found = await report('gamma');
    await world.sql(database, 'grant select on cloister.contacts to cloister_shared_app');
    await world.sql(
      database,
      'insert into cloister.schema_migrations (name, batch) select name, 99 from unnest($1::text[]) name',
      [lacking.map(({ name }) => name)],
    );
    expect(failures(found)).toEqual(['schema SCHEMA_VERSION', 'query SCHEMA_VERSION']);
    expect(JSON.stringify(found)).toContain('contacts');
  });

  it('says what is wrong with a registry that does not answer, and exits with 1', async () => {
    const nowhere = `postgres://app:${CANARY}@127.0.0.1:1/registry`;
    const environment = cliEnvironment({ appUrl: nowhere, ownerUrl: nowhere });
    const { exitCode, stdout, stderr } = await cloister(['doctor'], environment);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/FAIL {2}registry .*\n +REGISTRY_UNREACHABLE: nothing listens/);
    expect(stdout + stderr).not.toContain(CANARY);
  });

  it('warns of a registry role that owns its tables', async () => {
    const environment = cliEnvironment({ ...world.registry, appUrl: world.registry.ownerUrl });
    const { exitCode, stdout } = await cloister(['doctor'], environment);
    expect(stdout).toContain('Warning: The role cloister_registry_owner owns the registry');
    expect(exitCode).toBe(0);
  });
});

describe('tenantConnection', () => {
  interface Data {
    tenantConnection: Omit<ConnectionReport, 'tenant'> & {
      cache: { hitRate: number };
      pool: { max: number; breaker: string };
    };
  }

  it('tells an admin the same, with the figures of cache and pool', async () => {
    await world.query({ tenant: 'delta' }, '{ viewer { user { name } } }');
    const { data } = await world.query<Data>({ tenant: 'delta' }, REPORT);
    const { ok, checks, connection, cache, pool, schemaVersion, expectedSchemaVersion } =
      data.tenantConnection;
    expect(ok).toBe(true);
    expect(checks).toHaveLength(9);
    expect(connection).toMatchObject({
      host: '127.0.0.1',
      user: 'cloister_shared_app',
      tls: 'disable',
    });
    expect(schemaVersion).toBe(expectedSchemaVersion);
    expect(cache.hitRate).toBeGreaterThan(0);
    expect(pool).toMatchObject({ max: 10, breaker: 'closed' });
  });

  it('keeps the address of our own servers from a tenant', async () => {
    for (const tenant of ['alpha', 'gamma'] as const) {
      const { data } = await world.query<Data>({ tenant }, REPORT);
      expect(data.tenantConnection.ok).toBe(true);
      expect(data.tenantConnection.connection).toBeNull();
    }
  });

  it('sends no statement through the session, tells no secret, and is for admins alone', async () => {
    world.forgetStatements();
    const { text } = await world.query({ tenant: 'alpha' }, REPORT);
    expect(world.statements).toEqual([]);
    expect(text).not.toMatch(/postgres:\/\/|password|test-only/);
    const member = await world.query({ tenant: 'alpha', role: 'member' }, REPORT);
    expect(member.errors[0]?.extensions.code).toBe('FORBIDDEN');
    const anonymous = await world.query(undefined, REPORT);
    expect(anonymous.errors[0]?.extensions.code).toBe('UNAUTHENTICATED');
  });
});
