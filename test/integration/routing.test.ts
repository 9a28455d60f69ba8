/**
 * Where data goes: what a tenant reads and writes, it reads and writes in its own data source. The
 * registry knows which tenants there are and nothing of their business.
 */
import type { GraphQLField, GraphQLSchema } from 'graphql';
import { buildCrmSchema } from '../../src/crm/crm-schema';
import { extensionsOf } from '../../src/graphql/extensions';
import { rootFields, type Operation } from '../support/isolation-places';
import { rootRequest } from '../support/isolation-requests';
import { withNewRecords } from '../support/isolation-records';
import {
  markTenant,
  placesOfText,
  tenantTables,
  uuidOf,
  type MarkedTenant,
} from '../support/watermark';
import { createWorld, PASSWORD, type TenantName, type World } from '../support/world';

type Field = GraphQLField<unknown, unknown>;

const TENANTS = ['alpha', 'beta', 'gamma', 'delta'] as const satisfies readonly TenantName[];

/** Need a mail, a code or a session made for them: each is called in a test of its own. */
const PEOPLE_FIELDS = [
  'acceptInvitation',
  'cancelInvitation',
  'completeMfa',
  'confirmMfa',
  'disableMfa',
  'enrolMfa',
  'regenerateRecoveryCodes',
  'requestPasswordReset',
  'resendInvitation',
  'resetPassword',
  'revokeOtherSessions',
  'revokeSession',
  'switchTenant',
];

/** Root fields of signing in and out: called in turn below, for each needs the one before it. */
const SESSION_FIELDS = [...PEOPLE_FIELDS, 'login', 'refreshSession', 'changePassword', 'logout'];

/** Are about the tenant and not about its business: what they ask, they ask of the registry. */
const REGISTRY_FIELDS = [
  'hostnames', // hostnames.test.ts
  'addHostname',
  'verifyHostname',
  'removeHostname',
  'register', // registration.test.ts
  'tenantUsage', // plans.test.ts
];

/** What the registry may be asked on the way to a tenant's data: where it is, may it be reached, how much is used. */
const ROUTING_TABLES = [
  'registry.tenants',
  'registry.data_sources',
  'registry.data_keys',
  'registry.email_index',
  'registry.plans',
  'registry.rate_limits',
  'registry.replicas',
  'registry.tenant_requests',
  'registry.tenant_usage',
  'registry.usage_due',
];

/** Looks at the data source itself and at no business table. */
const DIAGNOSIS = 'tenantConnection';

describe('routing', () => {
  let world: World;
  let schema: GraphQLSchema;
  /** What the registry was asked, and how many statements tenants had been sent by then. */
  const registryQueries: { readonly sql: string; readonly after: number }[] = [];
  const marked = new Map<TenantName, MarkedTenant>();
  beforeAll(async () => {
    [world, schema] = await Promise.all([createWorld(), buildCrmSchema()]);
    world.application.tenancy.registryDb.on('query', ({ sql }: { sql: string }) => {
      registryQueries.push({ sql, after: world.statements.length });
    });
    await Promise.all(
      TENANTS.map(async (name) =>
        marked.set(name, await markTenant(world, schema, name, { names: false })),
      ),
    );
  });
  afterAll(() => world.close());

  const forget = (): void => {
    world.forgetStatements();
    registryQueries.splice(0);
  };
  const tenantOf = (name: TenantName): MarkedTenant => marked.get(name) as MarkedTenant; // all are marked
  const rootFieldsOf = (operation: Operation): Field[] =>
    rootFields(schema, operation).filter(
      ({ name }) => !SESSION_FIELDS.includes(name) && !REGISTRY_FIELDS.includes(name),
    );

  /** Fails when the registry was asked for more than routing. */
  const expectRoutingOnly = (): void => {
    for (const { sql } of registryQueries) {
      expect(sql).not.toContain('cloister.');
      const tables = [...sql.matchAll(/(?:from|into|update|join)\s+([\w"]+\.[\w"]+)/gi)].map(
        ([, table = '']) => table.replaceAll('"', ''),
      );
      for (const table of tables) expect(ROUTING_TABLES).toContain(table);
    }
  };

  describe.each(TENANTS)('of %s', (name) => {
    it.each(['query', 'mutation'] as const)(
      'takes every %s to its own data source and no other',
      async (operation) => {
        const elsewhere: string[] = [];
        for (const field of rootFieldsOf(operation)) {
          const tenant = tenantOf(name);
          const request = await withNewRecords(
            world,
            schema,
            tenant,
            (source) => rootRequest(operation, field, source),
            {
              deleted: field.name.startsWith('restore'),
            },
          );
          forget();
          const { text, errors } = await world.query(
            { tenant: name },
            request.query,
            request.variables,
          );
          expect([field.name, errors]).toEqual([field.name, []]);
          if (operation === 'mutation') expect(text).toContain('"userErrors":[]');
          // The look at the log-in session is not the field's own.
          const own = world.statements.filter(
            ({ text: statement }) =>
              statement.includes('cloister.') && !statement.includes('user_sessions'),
          );
          const served =
            own.length > 0 &&
            world.statements.every(({ tenantId }) => tenantId === world.tenants[name].id);
          if (!served && field.name !== DIAGNOSIS) elsewhere.push(field.name);
          expectRoutingOnly();
        }
        expect(elsewhere).toEqual([]);
      },
    );

    it('leaves nothing of its records in any other database, nor in the registry', async () => {
      const { mark, phoneMark, records, deleted } = tenantOf(name);
      const uuids = [...Object.values(records).flat(), ...Object.values(deleted)].map(uuidOf);
      const texts = [mark, phoneMark, ...uuids];
      const own = world.tenants[name].database;
      expect(await placesOfText(world, own, texts)).not.toEqual([]);
      const others = new Set([
        world.registry,
        ...TENANTS.map((each) => world.tenants[each].database),
      ]);
      others.delete(own);
      for (const database of others) {
        expect([database.name, await placesOfText(world, database, texts)]).toEqual([
          database.name,
          [],
        ]);
      }
    });

    it('asks the registry whose e-mail it is, and then only that tenant', async () => {
      forget();
      const email = `member@${name}.test`;
      const login =
        'mutation ($input: LoginInput!) { login(input: $input) { accessToken refreshToken tenant { slug } } }';
      const { data } = await world.query<{ login: Session }>(undefined, login, {
        input: { email, password: PASSWORD },
      });
      expect(data.login.tenant?.slug).toBe(name);
      const asked = registryQueries.findIndex(({ sql }) => sql.includes('email_index'));
      expect(registryQueries[asked]?.after).toBe(0);
      expect(world.statements.length).toBeGreaterThan(0);
      expect(world.statements[0]?.text).toContain('cloister.users');
      expect(new Set(world.statements.map(({ tenantId }) => tenantId))).toEqual(
        new Set([world.tenants[name].id]),
      );
      expectRoutingOnly();
    });

    it('takes staying signed in, changing the password and signing out there as well', async () => {
      const ask = async (
        token: string | undefined,
        text: string,
        input: object,
      ): Promise<Session> => {
        forget();
        const { data, errors } = await world.query<{ session: Session }>(
          token === undefined ? undefined : { token },
          text,
          { input },
        );
        expect(errors).toEqual([]);
        expect(world.statements.length).toBeGreaterThan(0);
        expect(new Set(world.statements.map(({ tenantId }) => tenantId))).toEqual(
          new Set([world.tenants[name].id]),
        );
        expectRoutingOnly();
        return data.session;
      };
      const tokens = '{ accessToken refreshToken }';
      const credentials = { email: `reader@${name}.test`, password: PASSWORD };
      const first = await ask(
        undefined,
        `mutation ($input: LoginInput!) { session: login(input: $input) ${tokens} }`,
        credentials,
      );
      const second = await ask(
        undefined,
        `mutation ($input: RefreshSessionInput!) { session: refreshSession(input: $input) ${tokens} }`,
        {
          refreshToken: first.refreshToken,
        },
      );
      const change = { currentPassword: PASSWORD, newPassword: `${PASSWORD}-changed` };
      const third = await ask(
        second.accessToken,
        `mutation ($input: ChangePasswordInput!) { session: changePassword(input: $input) ${tokens} }`,
        change,
      );
      await ask(
        third.accessToken,
        'mutation ($input: LogoutInput) { session: logout(input: $input) { userErrors { message } } }',
        {},
      );
    });
  });

  it('is tried for every root field', () => {
    const all = (['query', 'mutation'] as const).flatMap((operation) =>
      rootFields(schema, operation),
    );
    const tried = (['query', 'mutation'] as const).flatMap(rootFieldsOf).map(({ name }) => name);
    expect(
      all
        .map(({ name }) => name)
        .filter((name) => !tried.includes(name))
        .sort(),
    ).toEqual([...SESSION_FIELDS, ...REGISTRY_FIELDS].sort());
    const open = all
      .filter((field) => extensionsOf(field).rule === 'public')
      .map(({ name }) => name);
    const known = [...SESSION_FIELDS, ...REGISTRY_FIELDS];
    expect(open.filter((name) => !known.includes(name))).toEqual([]);
  });

  it('keeps the registry free of business tables', async () => {
    const inRegistry = await world.sql<{ schema: string; name: string }>(
      world.registry,
      `select n.nspname::text as schema, c.relname::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')`,
    );
    const business = (await tenantTables(world, world.tenants.alpha.database)).filter(
      (name) => name !== 'tenants',
    );
    expect(business.length).toBeGreaterThan(10);
    // The queue's own tables stand in a schema of their own.
    expect(
      inRegistry.filter(
        ({ schema: found, name }) =>
          !['registry', 'jobs'].includes(found) || business.includes(name),
      ),
    ).toEqual([]);
  });
});

interface Session {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly tenant?: { readonly slug: string };
}
