/** The tenants' API as an executable schema: the kinds, `node`, and log-in. */
import 'reflect-metadata';
import type { GraphQLSchema } from 'graphql';
import { buildSchema } from 'type-graphql';
import { authoriseSchema } from '../graphql/authorise-schema';
import { bindResolvers, type ResolverMap } from '../graphql/define-resolver';
import { HostnameResolver } from './hostname/hostname.resolver';
import { ConsentResolver } from './contact/consent.resolver';
import { kinds } from './kinds';
import { createFinishedFields } from './kind/finish/finish-fields';
import { createKindReader } from './kind/kind-reader';
import { addPageInfoResolvers, defineKindResolver } from './kind/kind-resolver';
import { defineKindTypes } from './kind/kind-types';
import { createKindWriter } from './kind/kind-writer';
import { createPagePlanner } from './kind/read/page-plan';
import { createRowShapes } from './kind/read/row-shapes';
import { defineNodeResolver } from './node/node.resolver';
import { defineSearchResolver } from './search/search.resolver';
import { TenantConnectionResolver } from './tenant-connection/tenant-connection.resolver';
import { defineUserAccessResolver } from './user/user-access.resolver';
import { TenantUsageResolver } from './tenant-usage/tenant-usage.resolver';
import { user } from './user/user.kind';
import { RegisterResolver } from './viewer/register.resolver';
import { SecondFactorResolver } from './viewer/second-factor.resolver';
import { SessionsResolver } from './viewer/sessions.resolver';
import { SignInResolver } from './viewer/sign-in.resolver';
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
  const shapes = createRowShapes(kinds);
  const reader = createKindReader(kinds, shapes);
  const planPage = createPagePlanner(kinds);
  const finished = createFinishedFields({ kinds, shapes, planPage });
  const writer = createKindWriter(kinds);
  const schema = await buildSchema({
    resolvers: [
      ConsentResolver,
      HostnameResolver,
      TenantConnectionResolver,
      TenantUsageResolver,
      RegisterResolver,
      SecondFactorResolver,
      SessionsResolver,
      SignInResolver,
      ViewerResolver,
      defineNodeResolver(kinds, reader, resolvers),
      defineSearchResolver(kinds, reader, resolvers),
      ...defineViewerUserResolvers({ user, userType: typesOf(user).record, reader, resolvers }),
      defineUserAccessResolver({ kinds, user, types: typesOf(user), reader, writer, resolvers }),
      ...kinds.kinds.map((kind) =>
        defineKindResolver({ kinds, reader, finished, writer, typesOf, resolvers }, kind),
      ),
    ],
    validate: false,
  });
  addPageInfoResolvers(resolvers);
  bindResolvers(schema, resolvers);
  return authoriseSchema(schema);
}
