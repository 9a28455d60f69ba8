import { GraphQLObjectType, GraphQLSchema, GraphQLString, graphql } from 'graphql';
import type { Role } from '../auth/principal';
import { authoriseSchema } from './authorise-schema';
import type { Rule } from './extensions';

function schemaOf(rules: Record<string, Rule | undefined>, calls: string[] = []): GraphQLSchema {
  const field = (name: string, rule: Rule | undefined) => ({
    type: GraphQLString,
    extensions: rule ? { rule } : {},
    resolve: () => {
      calls.push(name);
      return name;
    },
  });
  const fields = Object.fromEntries(
    Object.entries(rules).map(([name, rule]) => [name, field(name, rule)]),
  );
  return new GraphQLSchema({
    query: new GraphQLObjectType({ name: 'Query', fields }),
    mutation: new GraphQLObjectType({ name: 'Mutation', fields }),
  });
}

async function codeOf(rule: Rule, role: Role | undefined): Promise<[unknown, number]> {
  const calls: string[] = [];
  const schema = authoriseSchema(schemaOf({ field: rule }, calls));
  const contextValue = { principal: role && { role } };
  const { errors } = await graphql({ schema, source: '{ field }', contextValue });
  const cause = errors?.[0]?.originalError as { code?: string } | undefined;
  return [cause?.code ?? 'OK', calls.length];
}

it('refuses a schema with root fields that have no rule, naming each', () => {
  const schema = schemaOf({ open: 'public', forgotten: undefined });
  expect(() => authoriseSchema(schema)).toThrow(
    /none is on: Query\.forgotten, Mutation\.forgotten\.$/,
  );
});

it.each([
  ['public', undefined, 'OK'],
  ['reader', undefined, 'UNAUTHENTICATED'],
  ['admin', undefined, 'UNAUTHENTICATED'],
  ['reader', 'reader', 'OK'],
  ['member', 'reader', 'FORBIDDEN'],
  ['member', 'member', 'OK'],
  ['admin', 'member', 'FORBIDDEN'],
  ['reader', 'admin', 'OK'],
] as const)('a %s field asked by %s is answered %s', async (rule, role, code) => {
  expect(await codeOf(rule, role)).toEqual([code, code === 'OK' ? 1 : 0]);
});

it('guards a root field that has no resolver of its own', async () => {
  const query = new GraphQLObjectType({
    name: 'Query',
    fields: { secret: { type: GraphQLString, extensions: { rule: 'reader' } } },
  });
  const schema = authoriseSchema(new GraphQLSchema({ query }));
  const result = await graphql({
    schema,
    source: '{ secret }',
    rootValue: { secret: 'x' },
    contextValue: { principal: undefined },
  });
  expect(result.data).toEqual({ secret: null });
  expect(result.errors).toHaveLength(1);
});

describe('with the rules of operators', () => {
  const rules = { roles: ['viewer', 'operator', 'owner'], giver: 'an owner' } as const;
  const answer = async (rule: Rule, role: string) => {
    const schema = authoriseSchema(schemaOf({ field: rule }), rules);
    const contextValue = { principal: { role } };
    const { errors } = await graphql({ schema, source: '{ field }', contextValue });
    return errors?.[0]?.message ?? 'OK';
  };

  it.each([
    ['viewer', 'owner', 'OK'],
    ['operator', 'operator', 'OK'],
    ['owner', 'operator', 'This needs the role owner; ask an owner.'],
    // A role of the other API is worth nothing here.
    ['viewer', 'admin', 'This needs the role viewer; ask an owner.'],
  ] as const)('a %s field asked by %s is answered %s', async (rule, role, message) => {
    expect(await answer(rule, role)).toBe(message);
  });

  it('refuses a schema with a rule of the other API', () => {
    expect(() => authoriseSchema(schemaOf({ field: 'admin' }), rules)).toThrow(/Query\.field/);
    expect(() => authoriseSchema(schemaOf({ field: 'owner' }))).toThrow(/Query\.field/);
  });
});
