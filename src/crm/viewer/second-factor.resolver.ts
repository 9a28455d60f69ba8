import { Arg, Ctx, Extensions, FieldResolver, Mutation, Resolver } from 'type-graphql';
import type { RequestContext } from '../../request/context';
import { withInputErrors } from './input-errors';
import { ANY_ROLE, clientOf, principalOf } from './root-field-rules';
import {
  ConfirmMfaInput,
  CurrentPasswordInput,
  EnrolMfaPayload,
  Mfa,
  RecoveryCodesPayload,
} from './second-factor.type';
import { DonePayload, Viewer } from './viewer.type';

const withCodes = (recoveryCodes: readonly string[]): RecoveryCodesPayload => ({
  recoveryCodes,
  userErrors: [],
});

@Resolver(() => Viewer)
export class SecondFactorResolver {
  @FieldResolver(() => Mfa, { description: 'The viewer’s second factor.' })
  @Extensions({ statements: 1 })
  mfa(@Ctx() context: RequestContext): Promise<Mfa> {
    return context.auth.secondFactor.state(context.session, principalOf(context));
  }

  @Mutation(() => EnrolMfaPayload, {
    description:
      'Begins to set up a second factor: answers with a secret for an authenticator app. `confirmMfa` puts it into force.',
  })
  @Extensions(ANY_ROLE)
  enrolMfa(
    @Arg('input', () => CurrentPasswordInput, { description: 'The viewer’s password.' })
    { currentPassword }: CurrentPasswordInput,
    @Ctx() context: RequestContext,
  ): Promise<EnrolMfaPayload> {
    const password = { currentPassword, client: clientOf(context) };
    const enrolling = context.auth.secondFactor.enrol(principalOf(context), password);
    return withInputErrors(enrolling, (enrolment) => ({ ...enrolment, userErrors: [] }));
  }

  @Mutation(() => RecoveryCodesPayload, {
    description:
      'Puts the second factor into force, ends the viewer’s other sessions, and answers with recovery codes.',
  })
  @Extensions(ANY_ROLE)
  confirmMfa(
    @Arg('input', () => ConfirmMfaInput, { description: 'A code of the app.' })
    { code }: ConfirmMfaInput,
    @Ctx() context: RequestContext,
  ): Promise<RecoveryCodesPayload> {
    const given = { code, client: clientOf(context) };
    return withInputErrors(
      context.auth.secondFactor.confirm(principalOf(context), given),
      withCodes,
    );
  }

  @Mutation(() => RecoveryCodesPayload, {
    description: 'Makes new recovery codes; the earlier ones stop working.',
  })
  @Extensions(ANY_ROLE)
  regenerateRecoveryCodes(
    @Arg('input', () => CurrentPasswordInput, { description: 'The viewer’s password.' })
    { currentPassword }: CurrentPasswordInput,
    @Ctx() context: RequestContext,
  ): Promise<RecoveryCodesPayload> {
    const password = { currentPassword, client: clientOf(context) };
    const making = context.auth.secondFactor.regenerateRecoveryCodes(
      principalOf(context),
      password,
    );
    return withInputErrors(making, withCodes);
  }

  @Mutation(() => DonePayload, { description: 'Takes the viewer’s second factor away.' })
  @Extensions(ANY_ROLE)
  disableMfa(
    @Arg('input', () => CurrentPasswordInput, { description: 'The viewer’s password.' })
    { currentPassword }: CurrentPasswordInput,
    @Ctx() context: RequestContext,
  ): Promise<DonePayload> {
    const password = { currentPassword, client: clientOf(context) };
    const disabling = context.auth.secondFactor.disable(principalOf(context), password);
    return withInputErrors(disabling, () => ({ userErrors: [] }));
  }
}
