import { Field, InputType } from 'type-graphql';

@InputType({ description: 'The second step of a log-in that asked for one.' })
export class CompleteMfaInput {
  @Field(() => String, { description: 'As `mfaChallenge` gave it.' })
  challenge!: string;

  @Field(() => String, {
    description: 'The six digits that the authenticator app shows, or a recovery code.',
  })
  code!: string;
}

@InputType({ description: 'Another organisation of the viewer’s.' })
export class SwitchTenantInput {
  @Field(() => String, { description: 'The short name of the organisation to go on in.' })
  tenant!: string;

  @Field(() => String, {
    description: 'The last one that was issued for the session. It is not used up.',
  })
  refreshToken!: string;
}

@InputType({ description: 'An invitation, taken up.' })
export class AcceptInvitationInput {
  @Field(() => String, { description: 'What stands behind `#token=` in the mailed link.' })
  token!: string;

  @Field(() => String, { description: 'The password to sign in with, at least 12 characters.' })
  password!: string;
}

@InputType({ description: 'Who has forgotten their password.' })
export class RequestPasswordResetInput {
  @Field(() => String, { description: 'The address they sign in with.' })
  email!: string;
}

@InputType({ description: 'A new password, and the mailed link that allows it.' })
export class ResetPasswordInput {
  @Field(() => String, { description: 'What stands behind `#token=` in the mailed link.' })
  token!: string;

  @Field(() => String, { description: 'At least 12 characters.' })
  newPassword!: string;
}
