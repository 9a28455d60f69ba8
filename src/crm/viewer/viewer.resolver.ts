import { Arg, Ctx, Extensions, Mutation, Query, Resolver } from 'type-graphql';
import type { RequestContext } from '../../request/context';
import { ChangePasswordInput, LoginInput, LogoutInput, RefreshSessionInput } from './viewer.input';
import { withInputErrors } from './input-errors';
import { ANY_ROLE, clientOf, principalOf, PUBLIC } from './root-field-rules';
import { toLoginPayload, toSessionPayload, toTenant } from './viewer.payloads';
import { LogoutPayload, SessionPayload, Viewer } from './viewer.type';

@Resolver(() => Viewer)
export class ViewerResolver {
  @Query(() => Viewer, { description: 'Who is signed in, and where.' })
  @Extensions(ANY_ROLE)
  async viewer(@Ctx() context: RequestContext): Promise<Viewer> {
    return { tenant: toTenant(await context.auth.getTenant(principalOf(context))) };
  }

  @Mutation(() => SessionPayload, {
    description:
      'Signs in by e-mail and password. If the password fits in several organisations, answers with the list of them: log in again and name one. If the user has a second factor, answers with a challenge for `completeMfa`.',
  })
  @Extensions(PUBLIC)
  login(
    @Arg('input', () => LoginInput, { description: 'E-mail address and password.' })
    { email, password, tenant }: LoginInput,
    @Ctx() context: RequestContext,
  ): Promise<SessionPayload> {
    const client = clientOf(context);
    const attempt = { email, password, tenantSlug: tenant ?? undefined, client };
    return withInputErrors(context.auth.login(attempt), toLoginPayload);
  }

  @Mutation(() => SessionPayload, {
    description: 'Exchanges a refresh token for a new pair of tokens. The old one is used up.',
  })
  @Extensions(PUBLIC)
  refreshSession(
    @Arg('input', () => RefreshSessionInput, { description: 'The refresh token.' })
    { refreshToken }: RefreshSessionInput,
    @Ctx() context: RequestContext,
  ): Promise<SessionPayload> {
    return withInputErrors(context.auth.refresh(refreshToken, clientOf(context)), toSessionPayload);
  }

  @Mutation(() => LogoutPayload, {
    description: 'Ends the session. One that has ended already is no error.',
  })
  @Extensions(PUBLIC)
  async logout(
    @Arg('input', () => LogoutInput, {
      nullable: true,
      description: 'Which session, if not this one.',
    })
    input: LogoutInput | null,
    @Ctx() { auth, principal }: RequestContext,
  ): Promise<LogoutPayload> {
    await auth.logout({ principal, refreshToken: input?.refreshToken ?? undefined });
    return { userErrors: [] };
  }

  @Mutation(() => SessionPayload, {
    description:
      "Changes the viewer's password and ends all their sessions, but for the new one it answers with.",
  })
  @Extensions(ANY_ROLE)
  changePassword(
    @Arg('input', () => ChangePasswordInput, { description: 'The old and the new password.' })
    input: ChangePasswordInput,
    @Ctx() context: RequestContext,
  ): Promise<SessionPayload> {
    const change = { ...input, client: clientOf(context) };
    const changing = context.auth.changePassword(principalOf(context), change);
    return withInputErrors(changing, toSessionPayload);
  }
}
