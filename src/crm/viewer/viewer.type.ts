import { Field, ID, ObjectType } from 'type-graphql';
import { DateTimeScalar } from '../../graphql/scalars';
import { UserError } from '../../graphql/user-errors';
import { ViewerUser } from './viewer-user.type';

@ObjectType({ description: 'An organisation that works with cloister.' })
export class Tenant {
  @Field(() => ID)
  id!: string;

  @Field(() => String, { description: 'The short name it is addressed by.' })
  slug!: string;

  @Field(() => String)
  name!: string;
}

@ObjectType({ description: 'Who is signed in, and where.' })
export class Viewer {
  @Field(() => ViewerUser)
  user!: ViewerUser;

  @Field(() => Tenant)
  tenant!: Tenant;
}

@ObjectType({
  description:
    'A session, or the choice of organisations to sign in to, or what is wrong with the input.',
})
export class SessionPayload {
  @Field(() => String, {
    nullable: true,
    description: 'Send it as `Authorization: Bearer …`. Good for a quarter of an hour.',
  })
  accessToken?: string | null;

  @Field(() => DateTimeScalar, { nullable: true })
  accessTokenExpiresAt?: Date | null;

  @Field(() => String, {
    nullable: true,
    description:
      'Exchanged for a new pair by `refreshSession`, once: a second use ends the session.',
  })
  refreshToken?: string | null;

  @Field(() => ViewerUser, { nullable: true })
  user?: ViewerUser | null;

  @Field(() => Tenant, { nullable: true, description: 'The organisation signed in to.' })
  tenant?: Tenant | null;

  @Field(() => [Tenant], {
    nullable: true,
    description:
      'The organisations the password fits in. Without tokens beside it: log in again and name one.',
  })
  tenants?: Tenant[] | null;

  @Field(() => [UserError])
  userErrors!: readonly UserError[];
}

@ObjectType()
export class LogoutPayload {
  @Field(() => [UserError])
  userErrors!: readonly UserError[];
}
