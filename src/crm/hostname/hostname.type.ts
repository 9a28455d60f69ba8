import { Field, InputType, ObjectType } from 'type-graphql';
import { DateTimeScalar } from '../../graphql/scalars';
import { UserError } from '../../graphql/user-errors';

@ObjectType({ description: 'A host name under which the organisation’s people sign in.' })
export class Hostname {
  @Field(() => String, { description: 'The name, such as `crm.example.com`.' })
  hostname!: string;

  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When it was found to be the organisation’s; until then it leads nowhere.',
  })
  verifiedAt!: Date | null;

  @Field(() => DateTimeScalar, { description: 'When it was claimed.' })
  createdAt!: Date;

  @Field(() => String, { description: 'Name of the TXT record that proves it.' })
  recordName!: string;

  @Field(() => String, {
    description: 'What the record says. It stays there: it is looked at again.',
  })
  recordValue!: string;
}

@InputType({ description: 'A host name.' })
export class HostnameInput {
  @Field(() => String, { description: 'The name, such as `crm.example.com`.' })
  hostname!: string;
}

@ObjectType({ description: 'A host name, or what is wrong with the input.' })
export class HostnamePayload {
  @Field(() => Hostname, { nullable: true, description: 'The host name.' })
  hostname?: Hostname | null;

  @Field(() => [UserError], { description: 'What the input has wrong.' })
  userErrors!: readonly UserError[];
}

@ObjectType({
  description: 'The host name leads nowhere any more, or what is wrong with the input.',
})
export class RemoveHostnamePayload {
  @Field(() => String, { nullable: true, description: 'The name that was given up.' })
  removedHostname?: string | null;

  @Field(() => [UserError], { description: 'What the input has wrong.' })
  userErrors!: readonly UserError[];
}
