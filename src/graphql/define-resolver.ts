/**
 * Resolvers that follow from a definition, as type-graphql knows them and as graphql-js calls them.
 *
 * Each is declared to type-graphql as a method that takes (source, args, context, info): exactly
 * graphql-js' own signature. `bindResolvers` then puts the method itself in the place of
 * type-graphql's wrapper, which converts arguments and awaits per field: on a nested page that is
 * the larger part of the work. The schema is the same either way.
 */
import {
  Args,
  Ctx,
  Extensions,
  FieldResolver,
  Info,
  Mutation,
  Query,
  Resolver,
  Root,
  type ClassType,
} from 'type-graphql';
import {
  isAbstractType,
  isObjectType,
  type GraphQLFieldResolver,
  type GraphQLSchema,
} from 'graphql';
import type { RequestContext } from '../request/context';
import type { FieldExtensions } from './extensions';
import type { TypeReference } from './define-type';

/** Resolvers by type and field name. Sources and arguments are what the schema says they are. */
export type ResolverMap = Record<string, Record<string, GraphQLFieldResolver<never, never, never>>>;

/** @typeParam C context of the API that the field is of */
export interface ResolvedField<S, A, C = RequestContext> {
  readonly name: string;
  readonly returns: () => TypeReference;
  readonly nullable?: boolean | 'items';
  /** Class of the arguments; absent when there are none. */
  readonly args?: ClassType;
  readonly description: string;
  readonly extensions: FieldExtensions;
  readonly resolve: GraphQLFieldResolver<S, C, A>;
}

export interface ResolverBuilder<C = RequestContext> {
  query<A>(field: ResolvedField<undefined, A, C>): void;
  mutation<A>(field: ResolvedField<undefined, A, C>): void;
  field<S, A>(field: ResolvedField<S, A, C>): void;
}

/**
 * Declares a resolver class. @param of the type whose fields are resolved, with its GraphQL name.
 * @returns the class, for type-graphql's list of resolvers.
 */
export function defineResolver<C = RequestContext>(
  of: { readonly type: ClassType; readonly name: string },
  resolvers: ResolverMap,
  build: (builder: ResolverBuilder<C>) => void,
): ClassType {
  const target = { [`${of.name}Resolver`]: class {} }[`${of.name}Resolver`] as ClassType;
  const prototype = target.prototype as Record<string, unknown>;

  const declare = <S, A>(
    typeName: string,
    decorate: typeof Query | typeof Mutation | typeof FieldResolver,
    {
      name,
      returns,
      nullable = false,
      args,
      description,
      extensions,
      resolve,
    }: ResolvedField<S, A, C>,
  ): void => {
    prototype[name] = (source: S, given: A, context: C, info: never) =>
      resolve(source, given, context, info);
    Root()(prototype, name, 0);
    if (args !== undefined) Args(() => args)(prototype, name, 1);
    Ctx()(prototype, name, 2);
    Info()(prototype, name, 3);
    decorate(returns as () => ClassType, { nullable, description })(prototype, name, {});
    Extensions({ ...extensions })(prototype, name, {});
    (resolvers[typeName] ??= {})[name] = resolve;
  };

  build({
    query: (field) => declare('Query', Query, field),
    mutation: (field) => declare('Mutation', Mutation, field),
    field: (field) => declare(of.name, FieldResolver, field),
  });
  Resolver(() => of.type)(target);
  return target;
}

/** Puts the resolvers into the schema. @throws when one belongs to no field: a mistake in a name. */
export function bindResolvers(schema: GraphQLSchema, resolvers: ResolverMap): void {
  for (const [typeName, fields] of Object.entries(resolvers)) {
    const type = schema.getType(typeName);
    for (const [fieldName, resolve] of Object.entries(fields)) {
      const field = isObjectType(type) ? type.getFields()[fieldName] : undefined;
      if (field === undefined)
        throw new Error(`There is no field ${typeName}.${fieldName} to resolve.`);
      field.resolve = resolve as unknown as GraphQLFieldResolver<unknown, unknown>;
    }
  }
  // In the place of type-graphql's, which answer with a promise: compiled operations do not wait.
  for (const type of Object.values(schema.getTypeMap())) {
    if (isAbstractType(type)) type.resolveType = typeNameOf;
  }
}

/** A value of an interface or a union says of itself what it is. */
const typeNameOf = (value: unknown): string | undefined =>
  (value as { readonly __typename?: string }).__typename;
