import { Field, ID, ObjectType } from 'type-graphql';
import { DateTimeScalar } from '../../graphql/scalars';
import { UserError } from '../../graphql/user-errors';

@ObjectType({ description: 'An organisation that works with cloister.' })
export class Tenant {
  @Field(() => ID, { description: 'Stays the same when the organisation is renamed.' })
  id!: string;

  @Field(() => String, { description: 'The short name it is addressed by.' })
  slug!: string;

  @Field(() => String, { description: 'What people call it.' })
  name!: string;
}

@ObjectType({ description: 'Who is signed in, and where.' })
export class Viewer {
  @Field(() => Tenant, { description: 'The organisation whose data is shown.' })
  tenant!: Tenant;
}

@ObjectType({
  description:
    'A session, or what is missing for one (a second factor, a choice of organisation), or what is wrong with the input.',
})
export class SessionPayload {
  /** Whose session it is; not shown, the field `user` follows from it. */
  signedIn?: { readonly tenantId: string; readonly userId: string };

  @Field(() => String, {
    nullable: true,
    description: 'Send it as `Authorization: Bearer …`. Good for a quarter of an hour.',
  })
  accessToken?: string | null;

  @Field(() => DateTimeScalar, { nullable: true, description: 'Get a new one before then.' })
  accessTokenExpiresAt?: Date | null;

  @Field(() => String, {
    nullable: true,
    description:
      'Exchanged for a new pair by `refreshSession`, once: a second use ends the session.',
  })
  refreshToken?: string | null;

  @Field(() => Tenant, { nullable: true, description: 'The organisation signed in to.' })
  tenant?: Tenant | null;

  @Field(() => [Tenant], {
    nullable: true,
    description:
      'The organisations the password fits in. Without tokens beside it: log in again and name one.',
  })
  tenants?: Tenant[] | null;

  @Field(() => String, {
    nullable: true,
    description:
      'The password fits and the user has a second factor: `completeMfa` takes this with a code.',
  })
  mfaChallenge?: string | null;

  @Field(() => DateTimeScalar, { nullable: true, description: 'Sign in again after then.' })
  mfaChallengeExpiresAt?: Date | null;

  @Field(() => [UserError], { description: 'What the input has wrong.' })
  userErrors!: readonly UserError[];
}

@ObjectType({ description: 'Whether it was done.' })
export class DonePayload {
  @Field(() => [UserError], { description: 'What the input has wrong; when empty, it was done.' })
  userErrors!: readonly UserError[];
}

@ObjectType({ description: 'The session is over.' })
export class LogoutPayload {
  @Field(() => [UserError], { description: 'What the input has wrong.' })
  userErrors!: readonly UserError[];
}
