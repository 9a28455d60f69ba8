/**
 * This code on data sources of other releases: the one before it, which it serves; older and newer
 * ones, which it refuses by name. The tenant `old` stays a release behind until the last test.
 */
import { buildCrmSchema } from '../../src/crm/crm-schema';
import { kinds } from '../../src/crm/kinds';
import { createPasswords } from '../../src/auth/passwords';
import { createMigrationSource } from '../../src/database/migration-source';
import { OLDEST_SERVED_SCHEMA } from '../../src/database/compatibility-statement';
import { createTenant } from '../../src/platform/create-tenant';
import { enrolDataSource } from '../../src/tenancy/provision';
import { cliEnvironment, cloister } from '../support/cli';
import { eventually } from '../support/data-sources';
import { cloneDatabase, type TestDatabase } from '../support/databases';
import { previousReleaseTemplate } from '../support/fleet';
import { sampleOf } from '../support/isolation-inputs';
import { createWorld, PASSWORD, type Answer, type World } from '../support/world';

const LAST = createMigrationSource('tenant').names.at(-1) ?? '';

let world: World;
let previous: TestDatabase;
let token: string;

beforeAll(async () => {
  world = await createWorld();
  const { tenancy } = world.application;
  previous = await cloneDatabase(await previousReleaseTemplate());
  const id = await enrolDataSource(tenancy, {
    name: 'previous',
    placement: 'dedicated',
    url: previous.appUrl,
    migrationUrl: previous.ownerUrl,
  });
  await tenancy.registry.updateDataSource(id, { schemaVersion: OLDEST_SERVED_SCHEMA });
  await createTenant(
    {
      tenancy,
      passwords: createPasswords(),
      emailIndexKey: world.config.auth.emailIndexKey,
    },
    {
      slug: 'old',
      name: 'Old',
      source: 'previous',
      admin: { email: 'admin@old.test', password: PASSWORD },
    },
  );
  const { data, errors } = await world.query<{ login: { accessToken: string } }>(undefined, LOGIN, {
    input: { email: 'admin@old.test', password: PASSWORD },
  });
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  token = data.login.accessToken;
});
afterAll(async () => {
  await world.close();
  await previous.drop();
});

const LOGIN =
  'mutation ($input: LoginInput!) { login(input: $input) { accessToken refreshToken } }';
const ask = <T = Record<string, unknown>>(
  query: string,
  variables?: Record<string, unknown>,
): Promise<Answer<T>> => world.query<T>({ token }, query, variables);

/** Kinds whose tables the release before had. */
const servedKinds = async () => {
  const rows = await world.sql<{ name: string }>(
    previous,
    `select table_name::text as name from information_schema.tables where table_schema = 'cloister'`,
  );
  const tables = new Set(rows.map(({ name }) => name));
  return kinds.kinds.filter(({ table }) => tables.has(table));
};

describe('a data source of the release before', () => {
  it('lets people sign in, refresh, see who they are, change their password and sign out', async () => {
    const session = await world.query<{ login: { accessToken: string; refreshToken: string } }>(
      undefined,
      LOGIN,
      { input: { email: 'admin@old.test', password: PASSWORD } },
    );
    expect(session.errors).toEqual([]);
    const refreshed = await world.query<{ refreshSession: { accessToken: string } }>(
      undefined,
      'mutation ($input: RefreshSessionInput!) { refreshSession(input: $input) { accessToken } }',
      { input: { refreshToken: session.data.login.refreshToken } },
    );
    expect(refreshed.errors).toEqual([]);
    const own = { token: refreshed.data.refreshSession.accessToken };
    const viewer = await world.query(own, '{ viewer { tenant { slug } user { email } } }');
    expect(viewer.data).toEqual({
      viewer: { tenant: { slug: 'old' }, user: { email: 'admin@old.test' } },
    });
    const changed = await world.query<{ changePassword: { accessToken: string } }>(
      own,
      'mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken userErrors { message } } }',
      { input: { currentPassword: PASSWORD, newPassword: PASSWORD } },
    );
    expect(changed.errors).toEqual([]);
    token = changed.data.changePassword.accessToken ?? token;
    const out = await world.query({ token }, 'mutation { logout { userErrors { message } } }');
    expect(out.errors).toEqual([]);
    const again = await world.query<{ login: { accessToken: string } }>(undefined, LOGIN, {
      input: { email: 'admin@old.test', password: PASSWORD },
    });
    token = again.data.login.accessToken;
  });

  it('takes every operation of every kind that it has', async () => {
    const schema = await buildCrmSchema();
    const mutation = schema.getMutationType()?.getFields() ?? {};
    const made = new Map<string, string>();
    let number = 0;
    const input = (name: string): Record<string, unknown> => {
      const type = mutation[name]?.args[0]?.type;
      if (type === undefined) throw new Error(`There is no mutation ${name}.`);
      number += 1;
      return sampleOf(type, 'input', {
        text: (field) => (/country/i.test(field) ? 'DE' : `text ${number}`),
        email: () => `someone${number}@old.test`,
        phone: () => '+4930123456',
        url: () => 'https://old.test/',
        recordId: (kind) => made.get(kind),
      }) as Record<string, unknown>;
    };
    const mutate = async (name: string, given: Record<string, unknown>, select: string) => {
      const answer = await ask<Record<string, Record<string, unknown>>>(
        `mutation ($input: ${name.charAt(0).toUpperCase()}${name.slice(1)}Input!) { ${name}(input: $input) { ${select} userErrors { message } } }`,
        { input: given },
      );
      expect({ name, errors: answer.errors }).toEqual({ name, errors: [] });
      expect({ name, faults: answer.data[name]?.['userErrors'] }).toEqual({ name, faults: [] });
      return answer.data[name] ?? {};
    };
    for (const { name, singular, plural } of await servedKinds()) {
      const other = await mutate(
        `create${name}`,
        input(`create${name}`),
        `${singular} { id version }`,
      );
      const { id: otherId, version } = other[singular] as { id: string; version: number };
      await mutate(`update${name}`, { id: otherId, version }, `${singular} { version }`);
      await mutate(`delete${name}`, { id: otherId }, `${singular} { id }`);
      await mutate(`restore${name}`, { id: otherId }, `${singular} { id }`);
      await mutate(`purge${name}`, { id: otherId }, `purged${name}Id`);
      const created = await mutate(`create${name}`, input(`create${name}`), `${singular} { id }`);
      const { id } = created[singular] as { id: string };
      made.set(name, id);
      const fields = schema.getType(name);
      const scalars = Object.values(
        fields !== undefined && 'getFields' in fields ? fields.getFields() : {},
      )
        .filter(({ args, type }) => args.length === 0 && !/[{}]/.test(String(type)))
        .filter(({ name: field }) => !['mergedInto'].includes(field))
        .map(({ name: field, type }) =>
          isLeaf(schema, String(type)) ? field : `${field} { __typename }`,
        );
      const read = await ask(
        `{ ${plural}(first: 5) { totalCount nodes { ${scalars.join(' ')} } } ${singular}(id: "${id}") { id } node(id: "${id}") { id } }`,
      );
      expect({ name, errors: read.errors }).toEqual({ name, errors: [] });
    }
    expect(made.size).toBeGreaterThanOrEqual(10);
  });

  it('names what comes only with the migration, instead of failing on it', async () => {
    for (const query of [
      '{ communications(first: 1) { nodes { id } } }',
      '{ search(query: "anna") { rank } }',
    ]) {
      const newer = await ask(query);
      expect(newer.status).toBe(503);
      expect(newer.errors).toEqual([
        expect.objectContaining({
          message: expect.stringContaining('run `cloister migrate`'),
          extensions: expect.objectContaining({
            code: 'TENANT_UNAVAILABLE',
            reason: 'SCHEMA_VERSION',
          }),
        }),
      ]);
    }
    // The others are none the worse for it.
    expect((await ask('{ accounts { totalCount } }')).errors).toEqual([]);
  });

  it('takes no idempotency key, rather than to ignore it', async () => {
    const response = await fetch(`${world.url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${token}`,
        'idempotency-key': 'a-key',
      },
      body: JSON.stringify({
        query: 'mutation { createAccount(input: { name: "Keyed" }) { account { id } } }',
      }),
    });
    expect(response.status).toBe(503);
    expect(await response.text()).toContain('"reason":"SCHEMA_VERSION"');
    const { data } = await ask('{ accounts(filter: { name: { eq: "Keyed" } }) { totalCount } }');
    expect(data).toMatchObject({ accounts: { totalCount: 0 } });
  });

  it('is asked itself before anything is left out: the record in the registry may be out of date', async () => {
    const { registry } = world.application.tenancy;
    const row = await registry.findDataSourceByName('dedicated');
    await registry.updateDataSource(row?.id ?? '', { schemaVersion: OLDEST_SERVED_SCHEMA });
    world.application.tenancy.directory.invalidateAll();
    world.forgetStatements();
    const { errors } = await world.query(undefined, LOGIN, {
      input: { email: 'member@gamma.test', password: PASSWORD },
    });
    const sent = world.statements.map(({ text }) => text);
    expect(errors).toEqual([]);
    expect(sent.some((text) => text.includes('schema_migrations'))).toBe(true);
    expect(sent.some((text) => text.includes('cloister.user_totp'))).toBe(true);
    await registry.updateDataSource(row?.id ?? '', { schemaVersion: LAST });
  });

  it('is well for the doctor, who says which schema it has', async () => {
    const { exitCode, stdout } = await cloister(['doctor', 'old'], cliEnvironment(world.registry));
    expect(stdout).toMatch(
      new RegExp(`^schema +${OLDEST_SERVED_SCHEMA} \\(expected ${LAST}\\)`, 'm'),
    );
    expect(exitCode).toBe(0);
  });
});

describe('a data source of another age', () => {
  const reason = async () => {
    await world.application.tenancy.pools.evict();
    const { errors } = await world.query({ tenant: 'gamma' }, '{ accounts { totalCount } }');
    return errors[0]?.extensions['reason'];
  };
  const sql = (text: string) => world.sql(world.tenants.gamma.database, text);
  const FUTURE = `insert into cloister.schema_migrations (name, batch) values ('9999_future', 99)`;
  const state = (oldest: string) =>
    sql(`update cloister.schema_migrations_compatibility set oldest_code = '${oldest}'`);
  beforeAll(async () => {
    await world.query({ tenant: 'gamma' }, '{ accounts { totalCount } }');
  });
  afterEach(async () => {
    await sql(`delete from cloister.schema_migrations where name = '9999_future'`);
    await state(OLDEST_SERVED_SCHEMA);
    expect(await reason()).toBeUndefined();
  });

  it('is served when it is newer and says that this code still works there', async () => {
    await sql(FUTURE);
    expect(await reason()).toBeUndefined();
    await state(LAST);
    expect(await reason()).toBeUndefined();
  });

  it('is refused by name when it is newer and asks for newer code, or says nothing', async () => {
    await sql(FUTURE);
    await state('9999_future');
    expect(await reason()).toBe('SCHEMA_VERSION');
    const { stdout } = await cloister(['doctor', 'gamma'], cliEnvironment(world.registry));
    expect(stdout).toContain(`expected ${LAST}, found 9999_future, and asks for 9999_future`);
    await sql('delete from cloister.schema_migrations_compatibility');
    expect(await reason()).toBe('SCHEMA_VERSION');
    await sql(
      `insert into cloister.schema_migrations_compatibility (oldest_code) values ('${OLDEST_SERVED_SCHEMA}')`,
    );
  });

  it('is refused by name when it is older than the release before', async () => {
    const rows = await world.sql<{ id: number; name: string }>(
      world.tenants.gamma.database,
      `delete from cloister.schema_migrations where name >= '${OLDEST_SERVED_SCHEMA}' returning *`,
    );
    expect(await reason()).toBe('SCHEMA_VERSION');
    for (const { name } of rows) {
      await sql(`insert into cloister.schema_migrations (name, batch) values ('${name}', 1)`);
    }
  });
});

it('a migration beneath a running server is taken up without a restart', async () => {
  const working = { stopped: false, failed: [] as unknown[], done: 0 };
  const traffic = (async () => {
    while (!working.stopped) {
      const answer = await ask(
        'mutation { createAccount(input: { name: "while it is migrated" }) { account { id } userErrors { message } } }',
      );
      if (answer.errors.length > 0) working.failed.push(...answer.errors);
      working.done += 1;
    }
  })();
  const { exitCode } = await cloister(
    ['migrate', '--tenant', 'old'],
    cliEnvironment(world.registry),
  );
  expect(exitCode).toBe(0);
  const fits = await eventually(
    () => ask('{ communications(first: 1) { totalCount } }'),
    ({ errors }) => errors.length === 0,
  );
  expect(fits.data).toEqual({ communications: { totalCount: 0 } });
  working.stopped = true;
  await traffic;
  expect(working.failed).toEqual([]);
  expect(working.done).toBeGreaterThan(0);
  const [{ count = 0 } = {}] = await world.sql<{ count: number }>(
    previous,
    `select count(*)::int as count from cloister.accounts where name = 'while it is migrated'`,
  );
  expect(count).toBe(working.done);
});

function isLeaf(schema: Awaited<ReturnType<typeof buildCrmSchema>>, type: string): boolean {
  const named = schema.getType(type.replace(/[[\]!]/g, ''));
  return named !== undefined && !('getFields' in named);
}
