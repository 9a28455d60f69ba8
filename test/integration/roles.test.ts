/** Who may call what, tried on every root field there is: the rules are read from the schema. */
import {
  getNamedType,
  isInputObjectType,
  isObjectType,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLSchema,
} from 'graphql';
import { uuidv7 } from 'uuidv7';
import type { Role } from '../../src/auth/principal';
import { buildCrmSchema } from '../../src/crm/crm-schema';
import { extensionsOf } from '../../src/graphql/extensions';
import { toTypeId } from '../../src/lib/type-id';
import { sampleOf, type SampleSource } from '../support/isolation-inputs';
import { rootFields, type Operation } from '../support/isolation-places';
import { rootRequest, type GraphqlRequest } from '../support/isolation-requests';
import { mapAtOnce } from '../support/isolation-run';
import { checksumsOf, markedSource } from '../support/watermark';
import { createWorld, type Answer, type World } from '../support/world';

type Field = GraphQLField<unknown, unknown>;

/** Mutations that everybody who is signed in may call: they concern the caller alone. */
const OWN_AFFAIRS = [
  'changePassword',
  'confirmMfa',
  'disableMfa',
  'enrolMfa',
  'regenerateRecoveryCodes',
  'revokeOtherSessions',
  'revokeSession',
  'switchTenant',
];

/** Called by whoever is not signed in. */
const PUBLIC = [
  'acceptInvitation',
  'completeMfa',
  'login',
  'logout',
  'refreshSession',
  'register',
  'requestPasswordReset',
  'resetPassword',
];

describe('roles', () => {
  let world: World;
  let schema: GraphQLSchema;
  let mutations: Field[];
  let queries: Field[];
  const source: SampleSource = markedSource('wmroles', '+43680000', () =>
    toTypeId('account', uuidv7()),
  );
  beforeAll(async () => {
    [world, schema] = await Promise.all([createWorld(), buildCrmSchema()]);
    mutations = rootFields(schema, 'mutation');
    queries = rootFields(schema, 'query');
  });
  afterAll(() => world.close());

  const ruleOf = (field: Field) => extensionsOf(field).rule;
  const ask = (role: Role | undefined, { query, variables }: GraphqlRequest): Promise<Answer> =>
    world.query(role === undefined ? undefined : { tenant: 'alpha', role }, query, variables);
  const codesOf = ({ errors }: Answer) => errors.map(({ extensions }) => extensions.code);
  /** Calls each field with valid input and nothing else wrong. @returns the fields that were not refused so. */
  const notRefused = async (
    role: Role | undefined,
    operation: Operation,
    fields: readonly Field[],
    code: string,
    status: number,
  ) =>
    (
      await mapAtOnce(fields, async (field) => {
        const answer = await ask(role, rootRequest(operation, field, source));
        const empty = Object.values(answer.data).every((value) => value === null);
        const refused = answer.status === status && codesOf(answer).join() === code && empty;
        return refused ? [] : [`${field.name}: ${answer.status} ${answer.text}`];
      })
    ).flat();

  it('have a rule for every root field', () => {
    const subscriptions = schema.getSubscriptionType()?.getFields() ?? {};
    const all = [...queries, ...mutations, ...(Object.values(subscriptions) as Field[])];
    expect(all.filter((field) => ruleOf(field) === undefined).map(({ name }) => name)).toEqual([]);
    expect(all.length).toBeGreaterThan(100);
  });

  it('let nobody call a mutation as a reader but for their own affairs', () => {
    const open = mutations.filter((field) => ruleOf(field) === 'reader').map(({ name }) => name);
    expect(open.sort()).toEqual(OWN_AFFAIRS);
    const publicOnes = [...queries, ...mutations]
      .filter((field) => ruleOf(field) === 'public')
      .map(({ name }) => name);
    expect(publicOnes.sort()).toEqual(PUBLIC);
  });

  it('refuse every mutation to a reader', async () => {
    const fields = mutations.filter((field) => ['member', 'admin'].includes(ruleOf(field) ?? ''));
    // Signing in leaves its traces; what is refused leaves none.
    await ask('reader', { query: '{ viewer { user { id } } }', variables: {} });
    const before = await checksumsOf(world, 'alpha');
    expect(await notRefused('reader', 'mutation', fields, 'FORBIDDEN', 200)).toEqual([]);
    expect(await checksumsOf(world, 'alpha')).toEqual(before);
    expect(fields.length).toBeGreaterThan(80);
  });

  it('refuse to a member what is for admins', async () => {
    const fields = mutations.concat(queries).filter((field) => ruleOf(field) === 'admin');
    const [asked, changed] = [queries, mutations].map((list) =>
      fields.filter((field) => list.includes(field)),
    );
    expect(await notRefused('member', 'mutation', changed ?? [], 'FORBIDDEN', 200)).toEqual([]);
    expect(await notRefused('member', 'query', asked ?? [], 'FORBIDDEN', 200)).toEqual([]);
    expect(fields.length).toBeGreaterThan(15);
  });

  it('let a member call what is for members, and an admin everything', async () => {
    const mayNot = async (role: Role, rules: readonly string[]) => {
      const fields = mutations.filter((field) => rules.includes(ruleOf(field) ?? ''));
      const answers = await mapAtOnce(fields, (field) =>
        ask(role, rootRequest('mutation', field, source)),
      );
      return answers
        .filter((answer) => codesOf(answer).includes('FORBIDDEN'))
        .map(({ text }) => text);
    };
    expect(await mayNot('member', ['member'])).toEqual([]);
    expect(await mayNot('admin', ['member', 'admin'])).toEqual([]);
  });

  it('let nobody in who is not signed in', async () => {
    const closed = (fields: readonly Field[]) =>
      fields.filter((field) => ruleOf(field) !== 'public');
    world.forgetStatements();
    expect(await notRefused(undefined, 'query', closed(queries), 'UNAUTHENTICATED', 401)).toEqual(
      [],
    );
    expect(
      await notRefused(undefined, 'mutation', closed(mutations), 'UNAUTHENTICATED', 401),
    ).toEqual([]);
    expect(world.statements).toEqual([]);
  });

  it.each(['member', 'reader'] as const)('let a %s not raise their own', async (role) => {
    const { id, version } = await userOf(role);
    const raise =
      'mutation ($input: UpdateUserInput!) { updateUser(input: $input) { user { role } userErrors { message } } }';
    expect(
      codesOf(
        await ask(role, { query: raise, variables: { input: { id, version, role: 'ADMIN' } } }),
      ),
    ).toEqual(['FORBIDDEN']);
    const upsert =
      'mutation ($input: UpsertUserInput!) { upsertUser(input: $input) { user { role } userErrors { message } } }';
    const input = { externalId: 'x', name: 'x', role: 'ADMIN', email: `${role}@alpha.test` };
    expect(codesOf(await ask(role, { query: upsert, variables: { input } }))).toEqual([
      'FORBIDDEN',
    ]);
    expect((await userOf(role)).role).toBe(role);
  });

  async function userOf(role: Role): Promise<{ id: string; version: number; role: string }> {
    const { database, users, localTenantId } = world.tenants.alpha;
    const [row] = await world.sql<{ version: number; role: string }>(
      database,
      'select version, role from cloister.users where tenant_id = $1 and id = $2',
      [localTenantId, users[role]],
    );
    if (row === undefined) throw new Error(`Expected alpha to have a ${role}.`);
    return { ...row, id: toTypeId('user', users[role]) };
  }

  describe('of another tenant cannot be taken: a tenant', () => {
    it('is named in no input and no argument', () => {
      const named = (name: string): boolean => /tenant_?id/i.test(name);
      const found = Object.values(schema.getTypeMap()).flatMap((type) => {
        if (isInputObjectType(type))
          return Object.keys(type.getFields())
            .filter(named)
            .map((name) => `${type.name}.${name}`);
        if (!isObjectType(type) || type.name.startsWith('__')) return [];
        return Object.values(type.getFields()).flatMap((field) =>
          field.args
            .filter(({ name }) => named(name))
            .map(({ name }) => `${type.name}.${field.name}(${name}:)`),
        );
      });
      expect(found).toEqual([]);
    });

    it('is refused as tenantId by every input object, in a variable as in the document', async () => {
      const beta = world.tenants.beta.id;
      const accepted = await mapAtOnce([...queries, ...mutations], async (field) => {
        const operation = queries.includes(field) ? 'query' : 'mutation';
        const request = rootRequest(operation, field, source);
        const inputs = field.args.filter(({ type }) => isInputObjectType(getNamedType(type)));
        const asked: [GraphqlRequest, string][] = [
          [
            {
              query: `${operation} { ${field.name}(tenantId: "${beta}") { __typename } }`,
              variables: {},
            },
            'GRAPHQL_VALIDATION_FAILED',
          ],
          ...inputs.flatMap(({ name, type }): [GraphqlRequest, string][] => {
            const given = (request.variables[name] ?? {}) as Record<string, unknown>;
            const list = String(type).startsWith('[');
            const variables = {
              ...request.variables,
              [name]: list ? [{ ...given, tenantId: beta }] : { ...given, tenantId: beta },
            };
            const literal = list ? `[{ tenantId: "${beta}" }]` : `{ tenantId: "${beta}" }`;
            return [
              ...(request.query.includes(`$${name}`)
                ? [[{ ...request, variables }, 'BAD_USER_INPUT'] as [GraphqlRequest, string]]
                : []),
              [
                {
                  query: `${operation} { ${field.name}(${name}: ${literal}) { __typename } }`,
                  variables: {},
                },
                'GRAPHQL_VALIDATION_FAILED',
              ],
            ];
          }),
        ];
        const answers = await Promise.all(
          asked.map(async ([each, code]) => ({ code, answer: await ask('admin', each) })),
        );
        return answers
          .filter(({ code, answer }) => answer.status !== 400 || !codesOf(answer).includes(code))
          .map(({ answer }) => `${field.name}: ${answer.text}`);
      });
      expect(accepted.flat()).toEqual([]);
    });

    it('is refused as tenantId by the inputs within inputs', async () => {
      const inner = mutations.flatMap((field) =>
        field.args.flatMap((argument) =>
          objectFieldsOf(argument).map((within) => ({ field, argument, within })),
        ),
      );
      const accepted = await mapAtOnce(inner, async ({ field, argument, within }) => {
        const { query, variables } = rootRequest('mutation', field, source);
        const sample = sampleOf(within.type, within.name, source);
        const marked = Array.isArray(sample)
          ? sample.map((item: object) => ({ ...item, tenantId: world.tenants.beta.id }))
          : { ...(sample as object), tenantId: world.tenants.beta.id };
        const input = { ...(variables[argument.name] as object), [within.name]: marked };
        const answer = await ask('admin', {
          query,
          variables: { ...variables, [argument.name]: input },
        });
        const refused =
          answer.status === 400 &&
          codesOf(answer).join() === 'BAD_USER_INPUT' &&
          answer.text.includes('tenantId');
        return refused ? [] : [`${field.name}.${within.name}: ${answer.text}`];
      });
      expect(accepted.flat()).toEqual([]);
      expect(inner.length).toBeGreaterThan(30);
    });
  });
});

function objectFieldsOf({ type }: GraphQLArgument): GraphQLInputField[] {
  const input = getNamedType(type);
  if (!isInputObjectType(input)) return [];
  return Object.values(input.getFields()).filter((field) =>
    isInputObjectType(getNamedType(field.type)),
  );
}
