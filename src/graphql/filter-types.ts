/** The comparisons that filters offer for each scalar; fields of a filter are joined by AND. */
import { Int, type ClassType } from 'type-graphql';
import {
  defineInputType,
  type FieldDeclaration,
  type FieldDeclarations,
  type TypeReference,
} from './define-type';
import { CurrencyCodeScalar, DateScalar, DateTimeScalar, DecimalScalar } from './scalars';

const isNull: FieldDeclaration = {
  type: () => Boolean,
  nullable: true,
  description: 'Has no value (true) or has one (false).',
};

const equality = (type: TypeReference): FieldDeclarations => ({
  eq: { type: () => type, nullable: true, description: 'Equal to.' },
  ne: { type: () => type, nullable: true, description: 'Not equal to; null is neither.' },
  in: { type: () => [type], nullable: true, description: 'One of these.' },
  notIn: { type: () => [type], nullable: true, description: 'None of these.' },
  isNull,
});

const range = (type: TypeReference): FieldDeclarations => ({
  gt: { type: () => type, nullable: true, description: 'Greater than.' },
  gte: { type: () => type, nullable: true, description: 'Greater than or equal to.' },
  lt: { type: () => type, nullable: true, description: 'Less than.' },
  lte: { type: () => type, nullable: true, description: 'Less than or equal to.' },
});

const pattern: FieldDeclarations = {
  contains: {
    type: () => String,
    nullable: true,
    description: 'Contains, in upper or lower case.',
  },
  startsWith: {
    type: () => String,
    nullable: true,
    description: 'Begins with, in upper or lower case.',
  },
  endsWith: {
    type: () => String,
    nullable: true,
    description: 'Ends with, in upper or lower case.',
  },
};

export interface FilterTypes {
  readonly string: ClassType;
  readonly id: ClassType;
  readonly integer: ClassType;
  readonly decimal: ClassType;
  readonly boolean: ClassType;
  readonly date: ClassType;
  readonly dateTime: ClassType;
  readonly money: ClassType;
  readonly address: ClassType;
  readonly json: ClassType;
  /** The filter of an enumeration, made once for each. */
  enumeration(name: string, type: TypeReference): ClassType;
}

export function defineFilterTypes(idType: TypeReference): FilterTypes {
  const enumerations = new Map<string, ClassType>();
  const string = defineInputType(
    'StringFilter',
    { ...equality(String), ...pattern },
    'Compares text.',
  );
  const part = (description: string) => ({ type: () => string, nullable: true, description });
  return {
    string,
    id: defineInputType('IDFilter', equality(idType), 'Compares ids.'),
    integer: defineInputType(
      'IntFilter',
      { ...equality(Int), ...range(Int) },
      'Compares whole numbers.',
    ),
    decimal: defineInputType(
      'DecimalFilter',
      { ...equality(DecimalScalar), ...range(DecimalScalar) },
      'Compares decimal numbers.',
    ),
    boolean: defineInputType(
      'BooleanFilter',
      { eq: { type: () => Boolean, nullable: true, description: 'Equal to.' } },
      'Compares truth values.',
    ),
    date: defineInputType(
      'DateFilter',
      { ...equality(DateScalar), ...range(DateScalar) },
      'Compares days.',
    ),
    dateTime: defineInputType(
      'DateTimeFilter',
      { ...equality(DateTimeScalar), ...range(DateTimeScalar) },
      'Compares moments.',
    ),
    money: defineInputType(
      'MoneyFilter',
      {
        ...equality(DecimalScalar),
        ...range(DecimalScalar),
        currencyCode: {
          type: () => CurrencyCodeScalar,
          nullable: true,
          description: 'In this currency.',
        },
      },
      'Compares amounts of money; without a currency, whatever theirs.',
    ),
    address: defineInputType(
      'AddressFilter',
      {
        street: part('Street and number.'),
        city: part('City or town.'),
        region: part('State, province or region.'),
        postalCode: part('Postal code.'),
        countryCode: part('Country, as it was given.'),
      },
      'Compares the parts of an address.',
    ),
    json: defineInputType('JSONFilter', { isNull }, 'Asks whether there is any content.'),
    enumeration(name, type) {
      const known = enumerations.get(name);
      if (known !== undefined) return known;
      const made = defineInputType(`${name}Filter`, equality(type), `Compares values of ${name}.`);
      enumerations.set(name, made);
      return made;
    },
  };
}
