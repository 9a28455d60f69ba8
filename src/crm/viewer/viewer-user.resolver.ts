/** The user of a session, shown as the kind `User` shows them: with all their fields and relations. */
import type { ClassType } from 'type-graphql';
import { unauthenticated } from '../../errors';
import { defineResolver, type ResolverMap } from '../../graphql/define-resolver';
import type { Kind } from '../kind/kind';
import type { KindReader } from '../kind/kind-reader';
import { SessionPayload, Viewer } from './viewer.type';

export interface ViewerUserDeps {
  readonly user: Kind;
  readonly userType: ClassType;
  readonly reader: KindReader;
  readonly resolvers: ResolverMap;
}

export function defineViewerUserResolvers(deps: ViewerUserDeps): ClassType[] {
  const { user, userType, reader, resolvers } = deps;
  return [
    defineResolver({ type: Viewer, name: 'Viewer' }, resolvers, (builder) =>
      builder.field<Viewer, object>({
        name: 'user',
        returns: () => userType,
        description: 'The user who asks.',
        extensions: { statements: 1 },
        async resolve(_viewer, _args, ctx) {
          const userId = ctx.principal?.userId;
          const row = userId === undefined ? null : await reader.byId(ctx, user, userId);
          // Deleted since the session was last looked at.
          if (row === null) throw unauthenticated();
          return row;
        },
      }),
    ),
    defineResolver({ type: SessionPayload, name: 'SessionPayload' }, resolvers, (builder) =>
      builder.field<SessionPayload, object>({
        name: 'user',
        returns: () => userType,
        nullable: true,
        description: 'The user who signed in.',
        extensions: { statements: 1 },
        async resolve({ signedIn }, _args, ctx) {
          if (signedIn === undefined) return null;
          await ctx.enter(signedIn.tenantId);
          return reader.byId(ctx, user, signedIn.userId);
        },
      }),
    ),
  ];
}
