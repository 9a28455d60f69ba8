import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { Extensions } from 'type-graphql';
import { DateTimeScalar } from '../../graphql/scalars';
import { UserError } from '../../graphql/user-errors';

@ObjectType({ description: 'A log-in of the viewer that stands.' })
export class Session {
  @Field(() => ID, { description: 'What `revokeSession` takes.' })
  id!: string;

  @Field(() => DateTimeScalar, { description: 'When it began.' })
  createdAt!: Date;

  @Field(() => DateTimeScalar, { description: 'When it was last refreshed.' })
  lastUsedAt!: Date;

  @Field(() => DateTimeScalar, { description: 'When it ends if it is not refreshed before.' })
  expiresAt!: Date;

  @Field(() => String, { description: 'Address it was last refreshed from.' })
  ip!: string;

  @Field(() => String, { description: 'What the client called itself then.' })
  userAgent!: string;

  @Field(() => Boolean, { description: 'Whether it is the one that asks.' })
  current!: boolean;
}

@InputType({ description: 'A session to end.' })
export class RevokeSessionInput {
  @Field(() => ID, { description: 'One of `viewer { sessions }`.' })
  @Extensions({ idOf: 'Session' })
  id!: string;
}

@ObjectType({ description: 'What became of a session to end.' })
export class RevokeSessionPayload {
  @Field(() => ID, {
    nullable: true,
    description: 'The session that has ended, null when there are user errors.',
  })
  revokedSessionId?: string | null;

  @Field(() => [UserError], { description: 'What the input has wrong.' })
  userErrors!: readonly UserError[];
}

@ObjectType({ description: 'What became of several sessions to end.' })
export class RevokeSessionsPayload {
  @Field(() => Int, { nullable: true, description: 'How many have ended.' })
  revokedCount?: number | null;

  @Field(() => [UserError], { description: 'What the input has wrong.' })
  userErrors!: readonly UserError[];
}
