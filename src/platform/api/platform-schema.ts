/** The operators' API as an executable schema: records of the registry, log-in, and what can be done. */
import 'reflect-metadata';
import type { GraphQLSchema } from 'graphql';
import { buildSchema } from 'type-graphql';
import { OPERATOR_ROLES } from '../../auth/operator-principal';
import { authoriseSchema } from '../../graphql/authorise-schema';
import { bindResolvers, type ResolverMap } from '../../graphql/define-resolver';
import { defineAuditResolver } from './audit.resolver';
import { defineConnectionResolvers } from './connection.resolver';
import { defineMutationResolver } from './mutations/platform-mutation';
import { platformMutations } from './mutations/platform-mutations';
import { defineNodeResolver } from './node.resolver';
import { platformRecords } from './platform-records';
import { definePlatformTypes } from './platform-types';
import { createRecordReader } from './records/record-reader';
import { addPageInfoResolvers, defineRecordResolver } from './records/record-resolver';
import { defineSessionResolver } from './session.resolver';

let built: Promise<GraphQLSchema> | undefined;

/** Built once for the process: type-graphql registers types globally, and a second set would clash. */
export function buildPlatformSchema(): Promise<GraphQLSchema> {
  built ??= build();
  return built;
}

async function build(): Promise<GraphQLSchema> {
  const resolvers: ResolverMap = {};
  const set = platformRecords;
  const types = definePlatformTypes(set);
  const reader = createRecordReader(set);
  const parts = { set, reader, resolvers, ...types };
  const schema = await buildSchema({
    resolvers: [
      defineSessionResolver(parts),
      defineNodeResolver(parts),
      ...set.records.map((record) => defineRecordResolver(parts, record)),
      ...defineConnectionResolvers(parts),
      defineAuditResolver(parts),
      ...platformMutations(parts).map((mutation) => defineMutationResolver(parts, mutation)),
    ],
    validate: false,
  });
  addPageInfoResolvers(resolvers);
  bindResolvers(schema, resolvers);
  return authoriseSchema(schema, { roles: OPERATOR_ROLES, giver: 'an owner of the platform' });
}
