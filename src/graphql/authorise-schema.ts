/**
 * Authorisation fails closed and is decided once, at the root field (invariant 9): nothing below
 * it pays for a check per value, and a root field that says nothing about who may call it is
 * refused before the server starts.
 */
import { defaultFieldResolver } from 'graphql';
import type { GraphQLField, GraphQLFieldResolver, GraphQLSchema } from 'graphql';
import { ROLES } from '../auth/principal';
import { forbidden, unauthenticated } from '../errors';
import { extensionsOf } from './extensions';
import type { Rule } from './extensions';

/** What is asked of a context, whichever API it is for. */
interface GuardedContext {
  readonly principal: { readonly role: string } | undefined;
}

type RootField = GraphQLField<unknown, GuardedContext>;
type RootResolver = GraphQLFieldResolver<unknown, GuardedContext>;

/** The rules of an API. */
export interface RuleSet {
  /** From the least to the most powerful: each may do all that those before it may. */
  readonly roles: readonly Rule[];
  /** Who gives a role to somebody who lacks it. */
  readonly giver: string;
}

const TENANT_RULES: RuleSet = { roles: ROLES, giver: 'an admin of your organisation' };

/**
 * Wraps the resolver (and the subscriber) of every root field with the rule in its extensions.
 * Changes the fields of the given schema and returns it; call it once for a schema.
 * @throws Error naming every root field that has no rule, or one of another API.
 */
export function authoriseSchema(
  schema: GraphQLSchema,
  rules: RuleSet = TENANT_RULES,
): GraphQLSchema {
  const fields = rootFieldsOf(schema);
  const isOne = (rule: Rule | undefined): boolean =>
    rule !== undefined && (rule === 'public' || rules.roles.includes(rule));
  const unruled = fields
    .filter(({ field }) => !isOne(extensionsOf(field).rule))
    .map(({ name }) => name);
  if (unruled.length > 0) {
    throw new Error(
      `Every root field needs a rule in its extensions ('public' or a role), but none is on: ${unruled.join(', ')}.`,
    );
  }
  for (const { field } of fields) {
    // The filter above proves it is there.
    const rule = extensionsOf(field).rule as Rule;
    if (rule === 'public') continue;
    field.resolve = guard(rules, rule, field.resolve ?? defaultFieldResolver);
    if (field.subscribe) field.subscribe = guard(rules, rule, field.subscribe);
  }
  return schema;
}

function rootFieldsOf(schema: GraphQLSchema): { name: string; field: RootField }[] {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  return roots.flatMap((type) =>
    type
      ? Object.values(type.getFields()).map((field) => ({
          name: `${type.name}.${field.name}`,
          field: field as RootField,
        }))
      : [],
  );
}

function guard({ roles, giver }: RuleSet, rule: Rule, resolve: RootResolver): RootResolver {
  // A role that is none of the API's is nowhere among those that may.
  const permitted: readonly string[] = roles.slice(roles.indexOf(rule));
  return (source, args, context, info) => {
    if (!context.principal) throw unauthenticated();
    if (!permitted.includes(context.principal.role)) throw forbidden(rule, giver);
    return resolve(source, args, context, info);
  };
}
