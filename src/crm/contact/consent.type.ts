import 'reflect-metadata';
import { Extensions, Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { DateTimeScalar } from '../../graphql/scalars';
import { UserError } from '../../graphql/user-errors';

export enum ConsentDecision {
  GIVEN = 'given',
  WITHDRAWN = 'withdrawn',
}

export enum ConsentMeans {
  WEB_FORM = 'web_form',
  EMAIL = 'email',
  PHONE = 'phone',
  SMS = 'sms',
  PAPER = 'paper',
  IN_PERSON = 'in_person',
  CONTRACT = 'contract',
  IMPORT = 'import',
  OTHER = 'other',
}

registerEnumType(ConsentDecision, {
  name: 'ConsentDecision',
  description: 'What a person decided.',
  valuesConfig: {
    GIVEN: { description: 'They consent.' },
    WITHDRAWN: { description: 'They consent no more.' },
  },
});

registerEnumType(ConsentMeans, {
  name: 'ConsentMeans',
  description: 'By which means a person said so.',
  valuesConfig: {
    WEB_FORM: { description: 'A form on a web page.' },
    EMAIL: { description: 'An e-mail.' },
    PHONE: { description: 'A call.' },
    SMS: { description: 'A text message.' },
    PAPER: { description: 'A paper they signed.' },
    IN_PERSON: { description: 'A conversation.' },
    CONTRACT: { description: 'A contract.' },
    IMPORT: { description: 'Taken over from another system.' },
    OTHER: { description: 'None of these.' },
  },
});

@ObjectType({
  description:
    'A decision of a contact about a purpose. It never changes; what holds is the latest.',
})
export class Consent {
  @Field(() => ID, { description: 'Identifies the decision.' })
  id!: string;

  @Field(() => ID, { description: 'Whose decision it is.' })
  contactId!: string;

  @Field(() => String, { description: 'What for, such as `newsletter`.' })
  purpose!: string;

  @Field(() => ConsentDecision, { description: 'What they decided.' })
  decision!: ConsentDecision;

  @Field(() => ConsentMeans, { description: 'By which means they said so.' })
  means!: ConsentMeans;

  @Field(() => String, { nullable: true, description: 'What shows it.' })
  evidence!: string | null;

  @Field(() => DateTimeScalar, { description: 'When they decided.' })
  decidedAt!: Date;

  @Field(() => DateTimeScalar, { description: 'When it was written down.' })
  recordedAt!: Date;

  @Field(() => ID, { nullable: true, description: 'The user who wrote it down.' })
  recordedById!: string | null;
}

@InputType({ description: 'A decision of a contact.' })
export class ConsentInput {
  @Field(() => ID, { description: 'Who decided.' })
  @Extensions({ idOf: 'Contact' })
  contactId!: string;

  @Field(() => String, {
    description:
      'What for, in the same words each time, such as `newsletter`; at most 100 characters.',
  })
  purpose!: string;

  @Field(() => ConsentMeans, { description: 'By which means they said so.' })
  means!: ConsentMeans;

  @Field(() => String, {
    nullable: true,
    description: 'What shows it: the wording, the number of a document, the address of a form.',
  })
  evidence?: string | null;

  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When they decided; now when left out.',
  })
  decidedAt?: Date | null;
}

@ObjectType({ description: 'A decision that was written down.' })
export class ConsentPayload {
  @Field(() => Consent, {
    nullable: true,
    description: 'The decision, null when there are user errors.',
  })
  consent?: Consent | null;

  @Field(() => [UserError], { description: 'What the input has wrong.' })
  userErrors!: readonly UserError[];
}

@InputType({ description: 'A person to erase.' })
export class EraseContactInput {
  @Field(() => ID, { description: 'Which contact, deleted or not.' })
  @Extensions({ idOf: 'Contact' })
  id!: string;
}

@ObjectType({ description: 'What became of a person to erase.' })
export class EraseContactPayload {
  @Field(() => ID, {
    nullable: true,
    description: 'The contact, of whom nothing is known any more.',
  })
  erasedContactId?: string | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'How many communications, roles at accounts, consents and entries of the history went with it.',
  })
  removedCount?: number | null;

  @Field(() => [UserError], { description: 'What the input has wrong.' })
  userErrors!: readonly UserError[];
}
