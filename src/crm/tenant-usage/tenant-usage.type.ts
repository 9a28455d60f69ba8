import { Field, Float, ObjectType } from 'type-graphql';
import { DateTimeScalar } from '../../graphql/scalars';

@ObjectType({ description: 'How much of something is used, and how much the plan allows.' })
export class UsageOfLimit {
  @Field(() => Float, { description: 'So much is used.' })
  used!: number;

  @Field(() => Float, { nullable: true, description: 'So much is allowed; null: any amount.' })
  limit!: number | null;
}

@ObjectType({ description: 'What the organisation uses of its plan.' })
export class TenantUsage {
  @Field(() => String, { description: 'Name of the plan.' })
  plan!: string;

  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When the trial is over; null when there is none.',
  })
  trialEndsAt!: Date | null;

  @Field(() => UsageOfLimit, { description: 'Users that are not deleted.' })
  users!: UsageOfLimit;

  @Field(() => UsageOfLimit, { description: 'Records of all other kinds that are not deleted.' })
  records!: UsageOfLimit;

  @Field(() => UsageOfLimit, {
    description: 'Bytes that the data takes with its indexes; an estimate in a shared database.',
  })
  storageBytes!: UsageOfLimit;

  @Field(() => UsageOfLimit, { description: 'Requests since midnight UTC.' })
  requestsToday!: UsageOfLimit;

  @Field(() => Float, {
    nullable: true,
    description: 'Requests that are allowed within a minute; null: any number.',
  })
  requestsPerMinute!: number | null;
}
