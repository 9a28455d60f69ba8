import { Arg, Ctx, Extensions, FieldResolver, Mutation, Resolver } from 'type-graphql';
import { notFoundError } from '../../graphql/user-errors';
import { parseTypeId, toTypeId } from '../../lib/type-id';
import type { RequestContext } from '../../request/context';
import { ANY_ROLE, principalOf } from './root-field-rules';
import {
  RevokeSessionInput,
  RevokeSessionPayload,
  RevokeSessionsPayload,
  Session,
} from './sessions.type';
import { Tenant, Viewer } from './viewer.type';
import { toTenant } from './viewer.payloads';

const SESSION = 'session';

@Resolver(() => Viewer)
export class SessionsResolver {
  @FieldResolver(() => [Session], {
    description: 'The viewer’s log-ins that stand, last used first; the latest hundred.',
  })
  @Extensions({ statements: 1 })
  async sessions(@Ctx() context: RequestContext): Promise<Session[]> {
    const principal = principalOf(context);
    const sessions = await context.auth.sessions.list(context.session, principal);
    return sessions.map((session) => ({
      ...session,
      id: toTypeId(SESSION, session.id),
      current: session.id === principal.sessionId,
    }));
  }

  @FieldResolver(() => [Tenant], {
    description:
      'The organisations that the password of this log-in fits in, this one among them: `switchTenant` goes on there.',
  })
  async organisations(@Ctx() context: RequestContext): Promise<Tenant[]> {
    // Asks several databases: once for a request, however often it is named.
    const tenants = await context.loaders.get('viewer.organisations', () =>
      context.auth.organisations.list(principalOf(context)),
    );
    return tenants.map(toTenant);
  }

  @Mutation(() => RevokeSessionPayload, { description: 'Ends one of the viewer’s own sessions.' })
  @Extensions(ANY_ROLE)
  async revokeSession(
    @Arg('input', () => RevokeSessionInput, { description: 'Which one.' })
    { id }: RevokeSessionInput,
    @Ctx() context: RequestContext,
  ): Promise<RevokeSessionPayload> {
    const sessionId = parseTypeId(SESSION, id);
    const ended =
      sessionId !== undefined &&
      (await context.auth.sessions.revoke(principalOf(context), sessionId));
    return ended
      ? { revokedSessionId: id, userErrors: [] }
      : { userErrors: [notFoundError(['id'], 'session')] };
  }

  @Mutation(() => RevokeSessionsPayload, {
    description: 'Ends all of the viewer’s sessions but the one that asks.',
  })
  @Extensions(ANY_ROLE)
  async revokeOtherSessions(@Ctx() context: RequestContext): Promise<RevokeSessionsPayload> {
    const revokedCount = await context.auth.sessions.revokeOthers(principalOf(context));
    return { revokedCount, userErrors: [] };
  }
}
