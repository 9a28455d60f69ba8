import { isIntrospectionType, isSpecifiedScalarType, printType } from 'graphql';
import type { GraphQLNamedType, GraphQLSchema } from 'graphql';

const HEADER = '# Made by `npm run schema` from the code: change it there.\n';

/**
 * The schema as text, for people and for reviews: queries and mutations first, then every type by
 * name, so that what belongs to a kind stands together and a change touches its own lines only.
 * Fields keep their declared order.
 */
export function printApi(schema: GraphQLSchema): string {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  const rest = Object.values(schema.getTypeMap())
    .filter((type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type))
    .filter((type) => !roots.some((root) => root === type))
    .sort(byName);
  const present = roots.filter((root) => root !== undefined && root !== null);
  return [HEADER, ...[...present, ...rest].map((type) => `${printType(type)}\n`)].join('\n');
}

/** By code point: the same everywhere, whatever the machine's language. */
const byName = (a: GraphQLNamedType, b: GraphQLNamedType): number => (a.name < b.name ? -1 : 1);
