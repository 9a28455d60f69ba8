import { Field, Float, ID, InputType, Int, ObjectType } from 'type-graphql';

@ObjectType()
export class Contact {
  @Field(() => ID) declare id: string;
  @Field(() => String) declare fullName: string;
  @Field(() => String, { nullable: true }) declare email: string | null;
  @Field(() => String, { nullable: true }) declare title: string | null;
}

@ObjectType()
export class Opportunity {
  @Field(() => ID) declare id: string;
  @Field(() => String) declare name: string;
  @Field(() => String) declare stage: string;
  @Field(() => String, { nullable: true }) declare amount: string | null;
  @Field(() => String, { nullable: true }) declare amountCurrency: string | null;
  @Field(() => String, { nullable: true }) declare closeDate: string | null;
  declare primaryContactId: string | null;
}

@ObjectType()
export class CrmEvent {
  @Field(() => ID) declare id: string;
  @Field(() => String) declare name: string;
  @Field(() => Date, { nullable: true }) declare startsAt: Date | null;
  @Field(() => String) declare status: string;
}

@ObjectType()
export class Account {
  @Field(() => ID) declare id: string;
  @Field(() => String) declare name: string;
  @Field(() => String, { nullable: true }) declare industry: string | null;
  @Field(() => String, { nullable: true }) declare website: string | null;
  @Field(() => String, { nullable: true }) declare phone: string | null;
  @Field(() => Int, { nullable: true }) declare employeeCount: number | null;
  @Field(() => Int, { nullable: true }) declare foundedYear: number | null;
}

@ObjectType()
export class AccountPage {
  @Field(() => [Account]) declare nodes: Account[];
  @Field(() => Int) declare totalCount: number;
}

@ObjectType()
export class Hit {
  @Field(() => String) declare kind: string;
  @Field(() => Float) declare rank: number;
  @Field(() => String) declare matchedText: string;
  @Field(() => ID) declare id: string;
  @Field(() => String) declare name: string;
}

@InputType()
export class ContactInput {
  @Field(() => ID) declare accountId: string;
  @Field(() => String) declare firstName: string;
  @Field(() => String) declare lastName: string;
  @Field(() => String) declare email: string;
  @Field(() => String) declare title: string;
}
