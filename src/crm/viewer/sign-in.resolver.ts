/** Ways to a session beside the password: a second factor, another organisation, a mailed link. */
import { Arg, Ctx, Extensions, Mutation, Resolver } from 'type-graphql';
import type { RequestContext } from '../../request/context';
import { withInputErrors } from './input-errors';
import { ANY_ROLE, clientOf, principalOf, PUBLIC } from './root-field-rules';
import {
  AcceptInvitationInput,
  CompleteMfaInput,
  RequestPasswordResetInput,
  ResetPasswordInput,
  SwitchTenantInput,
} from './sign-in.input';
import { toLoginPayload, toSessionPayload } from './viewer.payloads';
import { DonePayload, SessionPayload } from './viewer.type';

const done = (): DonePayload => ({ userErrors: [] });

@Resolver(() => SessionPayload)
export class SignInResolver {
  @Mutation(() => SessionPayload, {
    description:
      'Finishes a log-in that answered with `mfaChallenge`. A code is good once; a challenge for five minutes.',
  })
  @Extensions(PUBLIC)
  completeMfa(
    @Arg('input', () => CompleteMfaInput, { description: 'The challenge and the code.' })
    input: CompleteMfaInput,
    @Ctx() context: RequestContext,
  ): Promise<SessionPayload> {
    const answer = { ...input, client: clientOf(context) };
    return withInputErrors(context.auth.completeSignIn(answer), toSessionPayload);
  }

  @Mutation(() => SessionPayload, {
    description:
      'Opens a session in another organisation that the password of this log-in fits in (`viewer { organisations }`), without asking for it again. The present session goes on.',
  })
  @Extensions(ANY_ROLE)
  switchTenant(
    @Arg('input', () => SwitchTenantInput, { description: 'Where to, and whose session.' })
    { tenant, refreshToken }: SwitchTenantInput,
    @Ctx() context: RequestContext,
  ): Promise<SessionPayload> {
    const input = { tenantSlug: tenant, refreshToken, client: clientOf(context) };
    const switching = context.auth.organisations.switchTo(principalOf(context), input);
    return withInputErrors(switching, toLoginPayload);
  }

  @Mutation(() => SessionPayload, {
    description:
      'Takes up an invitation: sets the password and signs in. An invitation works once.',
  })
  @Extensions(PUBLIC)
  acceptInvitation(
    @Arg('input', () => AcceptInvitationInput, { description: 'The invitation and a password.' })
    input: AcceptInvitationInput,
    @Ctx() context: RequestContext,
  ): Promise<SessionPayload> {
    const accepting = context.auth.invitations.accept({ ...input, client: clientOf(context) });
    return withInputErrors(accepting, toSessionPayload);
  }

  @Mutation(() => DonePayload, {
    description:
      'Mails a link to a new password, one for each organisation that knows the address. Answers alike whether or not there is one.',
  })
  @Extensions(PUBLIC)
  requestPasswordReset(
    @Arg('input', () => RequestPasswordResetInput, { description: 'The address.' })
    { email }: RequestPasswordResetInput,
    @Ctx() context: RequestContext,
  ): Promise<DonePayload> {
    const asking = context.auth.passwordReset.request({ email, client: clientOf(context) });
    return withInputErrors(asking, done);
  }

  @Mutation(() => DonePayload, {
    description:
      'Sets a new password by a mailed link, and ends all sessions of its user. Signs nobody in: log in with it.',
  })
  @Extensions(PUBLIC)
  resetPassword(
    @Arg('input', () => ResetPasswordInput, { description: 'The link and the new password.' })
    input: ResetPasswordInput,
    @Ctx() context: RequestContext,
  ): Promise<DonePayload> {
    const resetting = context.auth.passwordReset.reset({ ...input, client: clientOf(context) });
    return withInputErrors(resetting, done);
  }
}
