/** The tenants' API as an executable schema: the kinds, `node`, and log-in. */
import 'reflect-metadata';
import type { GraphQLSchema } from 'graphql';
import { buildSchema } from 'type-graphql';
import { authoriseSchema } from '../graphql/authorise-schema';
import { bindResolvers, type ResolverMap } from '../graphql/define-resolver';
import { kinds } from './kinds';
import { createKindReader } from './kind/kind-reader';
import { addPageInfoResolvers, defineKindResolver } from './kind/kind-resolver';
import { defineKindTypes } from './kind/kind-types';
import { createKindWriter } from './kind/kind-writer';
import { defineNodeResolver } from './node/node.resolver';
import { TenantConnectionResolver } from './tenant-connection/tenant-connection.resolver';
import { user } from './user/user.kind';
import { ViewerResolver } from './viewer/viewer.resolver';
import { defineViewerUserResolvers } from './viewer/viewer-user.resolver';

let built: Promise<GraphQLSchema> | undefined;

/** Built once for the process: type-graphql registers types globally, and a second set would clash. */
export function buildCrmSchema(): Promise<GraphQLSchema> {
  built ??= build();
  return built;
}

async function build(): Promise<GraphQLSchema> {
  const resolvers: ResolverMap = {};
  const typesOf = defineKindTypes(kinds);
  const reader = createKindReader(kinds);
  const writer = createKindWriter(kinds);
  const schema = await buildSchema({
    resolvers: [
      TenantConnectionResolver,
      ViewerResolver,
      defineNodeResolver(kinds, reader, resolvers),
      ...defineViewerUserResolvers({ user, userType: typesOf(user).record, reader, resolvers }),
      ...kinds.kinds.map((kind) =>
        defineKindResolver({ kinds, reader, writer, typesOf, resolvers }, kind),
      ),
    ],
    validate: false,
  });
  addPageInfoResolvers(resolvers);
  bindResolvers(schema, resolvers);
  return authoriseSchema(schema);
}
