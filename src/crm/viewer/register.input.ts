import { Field, InputType, registerEnumType } from 'type-graphql';

/** Where the data is kept. The values are those of the registry. */
export enum Placement {
  SHARED = 'shared',
  DEDICATED = 'dedicated',
  BYO = 'byo',
}

registerEnumType(Placement, {
  name: 'Placement',
  description: 'Where an organisation’s data is kept.',
  valuesConfig: {
    SHARED: { description: 'In a database with others, apart from them by row-level security.' },
    DEDICATED: { description: 'In a database of its own.' },
    BYO: { description: 'In a database that the organisation brings and runs.' },
  },
});

@InputType({ description: 'A database that the organisation brings; PostgreSQL 13 or later.' })
export class OwnDatabaseInput {
  @Field(() => String, {
    description:
      'Where it is and the role that serves requests: `postgres://user:password@host/database?sslmode=verify-full`. The role owns nothing there.',
  })
  url!: string;

  @Field(() => String, {
    nullable: true,
    description:
      'The same as the owner, who makes the tables; without it they must be there already.',
  })
  migrationUrl?: string | null;
}

@InputType({ description: 'A new organisation and its first admin.' })
export class RegisterInput {
  @Field(() => String, { description: 'What the organisation is called.' })
  organisation!: string;

  @Field(() => String, {
    description: 'The short name it is addressed by: 3 to 63 of a-z, 0-9 and hyphens.',
  })
  slug!: string;

  @Field(() => String, { description: 'Name of the first admin.' })
  name!: string;

  @Field(() => String, { description: 'The admin’s e-mail address, to sign in with.' })
  email!: string;

  @Field(() => String, { description: 'At least 12 characters.' })
  password!: string;

  @Field(() => Placement, {
    defaultValue: Placement.SHARED,
    description: 'Where the data is kept, as far as the plan allows.',
  })
  placement!: Placement;

  @Field(() => String, { nullable: true, description: 'The trial when absent.' })
  plan?: string | null;

  @Field(() => String, { nullable: true, description: 'Where the data shall be.' })
  region?: string | null;

  @Field(() => OwnDatabaseInput, { nullable: true, description: 'For placement BYO.' })
  database?: OwnDatabaseInput | null;
}
