import { Field, InputType } from 'type-graphql';

@InputType({ description: 'What one signs in with.' })
export class LoginInput {
  @Field(() => String, { description: 'E-mail address of a user.' })
  email!: string;

  @Field(() => String, { description: 'The user’s password.' })
  password!: string;

  @Field(() => String, {
    nullable: true,
    description: 'The short name of the organisation, for those who belong to several.',
  })
  tenant?: string | null;
}

@InputType({ description: 'What a session is continued with.' })
export class RefreshSessionInput {
  @Field(() => String, { description: 'The last one that was issued for the session.' })
  refreshToken!: string;
}

@InputType({ description: 'The session to end.' })
export class LogoutInput {
  @Field(() => String, {
    nullable: true,
    description: 'Ends the session of this token; without it, the session of the request.',
  })
  refreshToken?: string | null;
}

@InputType({ description: 'A new password, and proof that the viewer knows the present one.' })
export class ChangePasswordInput {
  @Field(() => String, { description: 'The password until now.' })
  currentPassword!: string;

  @Field(() => String, { description: 'At least 12 characters.' })
  newPassword!: string;
}
