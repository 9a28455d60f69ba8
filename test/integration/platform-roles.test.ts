/** Who may call what of the operators' API, tried on every root field: the rules are read from the schema. */
import {
  getNamedType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isRequiredArgument,
  isRequiredInputField,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLSchema,
} from 'graphql';
import { OPERATOR_ROLES, type OperatorRole } from '../../src/auth/operator-principal';
import { extensionsOf } from '../../src/graphql/extensions';
import { buildPlatformSchema } from '../../src/platform/api/platform-schema';
import { createPlatform, type Platform } from '../support/platform';
import { createWorld, type Answer, type World } from '../support/world';

type Field = GraphQLField<unknown, unknown>;
type Operation = 'query' | 'mutation';

/** What nobody needs to be signed in for. */
const PUBLIC = ['login', 'refreshSession', 'logout'];
/** What a viewer may change: what is their own. */
const OWN_AFFAIRS = ['changePassword'];

/** Well formed, and of nothing that exists: what is let through is refused by the field itself. */
function sampleOf(type: GraphQLInputType): unknown {
  if (isNonNullType(type)) return sampleOf(type.ofType);
  if (isListType(type)) return [sampleOf(type.ofType)];
  if (isEnumType(type)) return type.getValues()[0]?.name;
  if (isInputObjectType(type)) {
    return Object.fromEntries(
      Object.values(type.getFields())
        .filter(isRequiredInputField)
        .map((field) => [field.name, sampleOf(field.type)]),
    );
  }
  if (type.name === 'EmailAddress') return 'nobody@example.test';
  return type.name === 'Int' || type.name === 'Float' ? 1 : 'nothing';
}

function requestOf(operation: Operation, field: Field) {
  const required = field.args.filter(isRequiredArgument);
  const variables = Object.fromEntries(required.map(({ name, type }) => [name, sampleOf(type)]));
  const declared = required.map(({ name, type }) => `$${name}: ${String(type)}`).join(', ');
  const given = required.map(({ name }) => `${name}: $${name}`).join(', ');
  const selection = isLeafType(getNamedType(field.type)) ? '' : '{ __typename }';
  const query = `${operation} ${declared && `(${declared})`} { ${field.name}${given && `(${given})`} ${selection} }`;
  return { query, variables };
}

describe('roles of operators', () => {
  let world: World;
  let platform: Platform;
  let schema: GraphQLSchema;
  let fields: { readonly operation: Operation; readonly field: Field; readonly rule: string }[];
  beforeAll(async () => {
    [world, schema] = await Promise.all([createWorld(), buildPlatformSchema()]);
    platform = await createPlatform(world);
    fields = (['query', 'mutation'] as const).flatMap((operation) => {
      const type = operation === 'query' ? schema.getQueryType() : schema.getMutationType();
      return Object.values(type?.getFields() ?? {}).map((field) => ({
        operation,
        field: field as Field,
        rule: extensionsOf(field).rule ?? 'none',
      }));
    });
  });
  afterAll(() => world.close());

  const codeOf = ({ errors }: Answer): string => errors[0]?.extensions.code ?? 'OK';
  const call = (as: OperatorRole | undefined, { operation, field }: (typeof fields)[number]) => {
    const { query, variables } = requestOf(operation, field);
    return platform.query(as, query, variables);
  };

  it('have a rule for every root field, and none for what only they themselves are concerned by', () => {
    expect(fields.filter(({ rule }) => rule === 'none')).toEqual([]);
    expect(fields.length).toBeGreaterThan(40);
    expect(fields.filter(({ rule }) => rule === 'public').map(({ field }) => field.name)).toEqual(
      PUBLIC,
    );
    const changing = fields.filter(
      ({ operation, rule }) => operation === 'mutation' && rule === 'viewer',
    );
    expect(changing.map(({ field }) => field.name)).toEqual(OWN_AFFAIRS);
  });

  it('let nobody in who is not signed in', async () => {
    for (const each of fields.filter(({ rule }) => rule !== 'public')) {
      const answer = await call(undefined, each);
      expect([each.field.name, answer.status, codeOf(answer)]).toEqual([
        each.field.name,
        401,
        'UNAUTHENTICATED',
      ]);
    }
  });

  it.each(OPERATOR_ROLES)('let a %s do what the rule says, and nothing else', async (role) => {
    const permitted: readonly string[] = OPERATOR_ROLES.slice(0, OPERATOR_ROLES.indexOf(role) + 1);
    const outcomes = new Set<boolean>();
    for (const each of fields.filter(({ rule }) => rule !== 'public')) {
      const answer = await call(role, each);
      const refused = codeOf(answer) === 'FORBIDDEN';
      expect([each.field.name, each.rule, refused]).toEqual([
        each.field.name,
        each.rule,
        !permitted.includes(each.rule),
      ]);
      // What is let through says what is wrong with the input: it does not fail.
      expect(answer.text).not.toContain('INTERNAL_SERVER_ERROR');
      outcomes.add(refused);
    }
    expect(outcomes.size).toBe(role === 'owner' ? 1 : 2);
  });

  it('are no roles of tenants: an admin of a tenant is refused everywhere', async () => {
    const login = await world.query<{ login: { accessToken: string } }>(
      undefined,
      'mutation ($input: LoginInput!) { login(input: $input) { accessToken } }',
      { input: { email: 'admin@alpha.test', password: 'correct-horse-battery' } },
    );
    const token = login.data.login.accessToken;
    for (const { operation, field } of fields) {
      const { query, variables } = requestOf(operation, field);
      const answer = await platform.query({ token }, query, variables);
      expect([field.name, answer.status, answer.errors[0]?.extensions.code]).toEqual([
        field.name,
        401,
        'UNAUTHENTICATED',
      ]);
    }
  });

  it('hide the schema from anonymous clients in production', async () => {
    const production = await createWorld({ environment: { NODE_ENV: 'production' } });
    try {
      const there = await createPlatform(production);
      const introspect = '{ __schema { queryType { name } } }';
      expect((await there.query(undefined, introspect)).errors).toHaveLength(1);
      expect((await there.query('viewer', introspect)).errors).toEqual([]);
    } finally {
      await production.close();
    }
  });
});
