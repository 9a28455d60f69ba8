/**
 * A small schema that says about itself what the real one does (rules, statements, connections)
 * and does on request what a server must withstand.
 */
import {
  GraphQLError,
  GraphQLInputObjectType,
  GraphQLInt,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
} from 'graphql';
import type { GraphQLFieldConfig } from 'graphql';
import { badUserInput, overloaded, rateLimited, tenantUnavailable } from '../../src/errors';
import { authoriseSchema } from '../../src/graphql/authorise-schema';
import type { FieldExtensions } from '../../src/graphql/extensions';
import type { RequestContext } from '../../src/request/context';

type Field = GraphQLFieldConfig<unknown, RequestContext>;

const extensions = (value: FieldExtensions): { extensions: Record<string, unknown> } => ({
  extensions: { ...value },
});

const page = { defaultFirst: 20, maxFirst: 100 };

const account: GraphQLObjectType<unknown, RequestContext> = new GraphQLObjectType({
  name: 'Account',
  fields: () => ({
    id: { type: GraphQLString, resolve: () => 'account_1' },
    name: { type: GraphQLString, resolve: () => 'Acme' },
    parent: { type: account, ...extensions({ statements: 1 }), resolve: () => ({}) },
    children: {
      type: accountConnection,
      args: { first: { type: GraphQLInt }, last: { type: GraphQLInt } },
      ...extensions({ statements: 1, connection: page }),
      resolve: () => ({}),
    },
  }),
});

const accountConnection = new GraphQLObjectType({
  name: 'AccountConnection',
  fields: () => ({
    nodes: { type: new GraphQLList(account), resolve: () => [{}] },
  }),
});

/** The reasons a resolver may fail for, by the argument of `fail`. */
const FAILURES: Record<string, (text: string) => unknown> = {
  plain: (text) => new Error(text),
  graphql: (text) => new GraphQLError(text, { extensions: { code: 'BAD_USER_INPUT', text } }),
  cause: (text) => tenantUnavailable('DATA_SOURCE_UNREACHABLE', new Error(text)),
  input: () => badUserInput('Expected a page size from 1 to 100, but got 0.'),
  rate: () => rateLimited(7),
  overload: () => overloaded(),
  string: (text) => text,
};

const queriesOf = (held: Promise<unknown>): Record<string, Field> => ({
  hello: { type: GraphQLString, ...extensions({ rule: 'public' }), resolve: () => 'world' },
  text: {
    type: GraphQLString,
    args: { length: { type: new GraphQLNonNull(GraphQLInt) } },
    ...extensions({ rule: 'public' }),
    resolve: (_source, { length }: { length?: number }) => 'x'.repeat(length ?? 0),
  },
  fail: {
    type: GraphQLString,
    args: { how: { type: GraphQLString }, text: { type: GraphQLString } },
    ...extensions({ rule: 'public' }),
    resolve: (_source, { how, text }: { how?: string; text?: string }) => {
      throw FAILURES[how ?? 'plain']?.(text ?? 'failed');
    },
  },
  held: {
    type: GraphQLString,
    ...extensions({ rule: 'public' }),
    resolve: async () => {
      await held;
      return 'released';
    },
  },
  slow: {
    type: GraphQLString,
    ...extensions({ rule: 'public' }),
    resolve: async (_source, _args, { extendDeadline }) => {
      extendDeadline(60_000);
      await held;
      return 'done';
    },
  },
  hang: {
    type: GraphQLString,
    ...extensions({ rule: 'public' }),
    resolve: () => new Promise(() => undefined),
  },
  account: {
    type: account,
    args: { id: { type: GraphQLString } },
    ...extensions({ rule: 'reader', statements: 1 }),
    resolve: () => ({}),
  },
  accounts: {
    type: accountConnection,
    args: { first: { type: GraphQLInt }, last: { type: GraphQLInt } },
    ...extensions({ rule: 'reader', statements: 1, connection: page }),
    resolve: () => ({}),
  },
  settings: { type: GraphQLString, ...extensions({ rule: 'admin' }), resolve: () => 'all' },
});

const loginInput = new GraphQLInputObjectType({
  name: 'LoginInput',
  fields: { email: { type: new GraphQLNonNull(GraphQLString) } },
});

const mutations: Record<string, Field> = {
  login: {
    type: GraphQLString,
    args: { input: { type: new GraphQLNonNull(loginInput) } },
    ...extensions({ rule: 'public' }),
    resolve: () => 'token',
  },
  rename: { type: GraphQLString, ...extensions({ rule: 'member' }), resolve: () => 'renamed' },
};

/** @param held what the field `held` waits for before it answers. */
export const createFakeSchema = (held: Promise<unknown> = Promise.resolve()): GraphQLSchema =>
  authoriseSchema(
    new GraphQLSchema({
      query: new GraphQLObjectType({ name: 'Query', fields: queriesOf(held) }),
      mutation: new GraphQLObjectType({ name: 'Mutation', fields: mutations }),
    }),
  );
