import { Field, InputType } from 'type-graphql';

@InputType()
export class LoginInput {
  @Field(() => String)
  email!: string;

  @Field(() => String)
  password!: string;

  @Field(() => String, {
    nullable: true,
    description: 'The short name of the organisation, for those who belong to several.',
  })
  tenant?: string | null;
}

@InputType()
export class RefreshSessionInput {
  @Field(() => String)
  refreshToken!: string;
}

@InputType()
export class LogoutInput {
  @Field(() => String, {
    nullable: true,
    description: 'Ends the session of this token; without it, the session of the request.',
  })
  refreshToken?: string | null;
}

@InputType()
export class ChangePasswordInput {
  @Field(() => String)
  currentPassword!: string;

  @Field(() => String, { description: 'At least 12 characters.' })
  newPassword!: string;
}
