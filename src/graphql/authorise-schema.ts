/**
 * Authorisation fails closed and is decided once, at the root field (invariant 9): nothing below
 * it pays for a check per value, and a root field that says nothing about who may call it is
 * refused before the server starts.
 */
import { defaultFieldResolver } from 'graphql';
import type { GraphQLField, GraphQLFieldResolver, GraphQLSchema } from 'graphql';
import { roleAtLeast } from '../auth/principal';
import { forbidden, unauthenticated } from '../errors';
import type { RequestContext } from '../request/context';
import { extensionsOf } from './extensions';
import type { Rule } from './extensions';

type RootField = GraphQLField<unknown, RequestContext>;
type RootResolver = GraphQLFieldResolver<unknown, RequestContext>;

/**
 * Wraps the resolver (and the subscriber) of every root field with the rule in its extensions.
 * Changes the fields of the given schema and returns it; call it once for a schema.
 * @throws Error naming every root field that has no rule.
 */
export function authoriseSchema(schema: GraphQLSchema): GraphQLSchema {
  const fields = rootFieldsOf(schema);
  const unruled = fields
    .filter(({ field }) => extensionsOf(field).rule === undefined)
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
    field.resolve = guard(rule, field.resolve ?? defaultFieldResolver);
    if (field.subscribe) field.subscribe = guard(rule, field.subscribe);
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

function guard(rule: Exclude<Rule, 'public'>, resolve: RootResolver): RootResolver {
  return (source, args, context, info) => {
    if (!context.principal) throw unauthenticated();
    if (!roleAtLeast(context.principal.role, rule)) throw forbidden(rule);
    return resolve(source, args, context, info);
  };
}
