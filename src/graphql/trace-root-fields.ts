/** A span for each root field of an operation. Only called when there is something to trace with. */
import { defaultFieldResolver, type GraphQLSchema } from 'graphql';
import type { Tracer } from '../lib/tracer';

/** Changes the resolvers of the schema in place. */
export function traceRootFields(schema: GraphQLSchema, tracer: Tracer): GraphQLSchema {
  for (const type of [schema.getQueryType(), schema.getMutationType()]) {
    for (const field of Object.values(type?.getFields() ?? {})) {
      const { resolve = defaultFieldResolver } = field;
      const name = `${type?.name ?? ''}.${field.name}`;
      field.resolve = (source, args, context, info) =>
        tracer.span(
          name,
          { 'graphql.field.path': String(info.path.key) },
          async (): Promise<unknown> => resolve(source, args, context, info),
        );
    }
  }
  return schema;
}
