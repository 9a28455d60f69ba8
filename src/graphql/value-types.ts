import 'reflect-metadata';
import { Field, InputType, ObjectType, registerEnumType } from 'type-graphql';
import { CurrencyCodeScalar, DecimalScalar } from './scalars';

@ObjectType({ simpleResolvers: true, description: 'An amount of money.' })
export class Money {
  @Field(() => DecimalScalar, { description: 'How much.' })
  amount!: string;

  @Field(() => CurrencyCodeScalar, { description: 'Of which currency.' })
  currencyCode!: string;
}

@InputType({ description: 'An amount of money.' })
export class MoneyInput {
  @Field(() => DecimalScalar, { description: 'How much.' })
  amount!: string;

  @Field(() => CurrencyCodeScalar, { description: 'Of which currency.' })
  currencyCode!: string;
}

@ObjectType({ simpleResolvers: true, description: 'A postal address.' })
export class Address {
  @Field(() => String, { nullable: true, description: 'Street and number.' })
  street?: string;

  @Field(() => String, { nullable: true, description: 'City or town.' })
  city?: string;

  @Field(() => String, { nullable: true, description: 'State, province or region.' })
  region?: string;

  @Field(() => String, { nullable: true, description: 'Postal code.' })
  postalCode?: string;

  @Field(() => String, { nullable: true, description: 'Country, as ISO 3166 code or in words.' })
  countryCode?: string;
}

@InputType({ description: 'A postal address; it replaces the whole of an earlier one.' })
export class AddressInput {
  @Field(() => String, { nullable: true, description: 'Street and number.' })
  street?: string;

  @Field(() => String, { nullable: true, description: 'City or town.' })
  city?: string;

  @Field(() => String, { nullable: true, description: 'State, province or region.' })
  region?: string;

  @Field(() => String, { nullable: true, description: 'Postal code.' })
  postalCode?: string;

  @Field(() => String, { nullable: true, description: 'Country, as ISO 3166 code or in words.' })
  countryCode?: string;
}

@ObjectType({ simpleResolvers: true, description: 'Where a page stands in its list (Relay).' })
export class PageInfo {
  @Field(() => Boolean, { description: 'Whether there are records after this page.' })
  hasNextPage!: boolean;

  @Field(() => Boolean, { description: 'Whether there are records before this page.' })
  hasPreviousPage!: boolean;

  @Field(() => String, { nullable: true, description: 'Cursor of the first record of the page.' })
  startCursor?: string;

  @Field(() => String, { nullable: true, description: 'Cursor of the last record of the page.' })
  endCursor?: string;
}

export enum OrderDirection {
  ASC = 'asc',
  DESC = 'desc',
}
registerEnumType(OrderDirection, {
  name: 'OrderDirection',
  description: 'Direction of an ordering; records without a value come last in ASC, first in DESC.',
  valuesConfig: { ASC: { description: 'Least first.' }, DESC: { description: 'Greatest first.' } },
});
