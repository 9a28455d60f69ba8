/**
 * The scalars of the API. Input is checked strictly; output is passed on, because what a customer's
 * own database already holds must be readable even where it would not be accepted today.
 */
import { GraphQLError, GraphQLScalarType, Kind, type ValueNode } from 'graphql';
import {
  GraphQLCurrency,
  GraphQLDate,
  GraphQLDateTime,
  GraphQLEmailAddress,
  GraphQLJSON,
  GraphQLURL,
} from 'graphql-scalars';

const lenientOutput = (
  scalar: GraphQLScalarType,
  overrides: { name?: string; description: string; parse?: (value: unknown) => unknown },
): GraphQLScalarType => {
  const { parse = (value: unknown) => value, ...rest } = overrides;
  return new GraphQLScalarType({
    ...scalar.toConfig(),
    ...rest,
    serialize: (value) => (value instanceof Date ? value.toISOString() : value),
    parseValue: (value) => parse(scalar.parseValue(value)),
    parseLiteral: (node, variables) => parse(scalar.parseLiteral(node, variables)),
  });
};

export const DateTimeScalar = lenientOutput(GraphQLDateTime, {
  name: 'DateTime',
  description: 'A moment, as RFC 3339 text such as `2026-03-31T09:30:00.000Z`.',
});

/** A calendar day stays text throughout: as a moment it would depend on a time zone. */
export const DateScalar = lenientOutput(GraphQLDate, {
  name: 'Date',
  description: 'A calendar day, `YYYY-MM-DD`.',
  parse: (value) => (value instanceof Date ? value.toISOString().slice(0, 10) : value),
});

export const EmailAddressScalar = lenientOutput(GraphQLEmailAddress, {
  description: 'An e-mail address, such as `ada@example.com`.',
});

/** https://www.itu.int/rec/T-REC-E.164: a country code and a number, 15 digits at most. */
const E164 = /^\+[1-9]\d{6,14}$/;

const parsePhoneNumber = (value: unknown): string => {
  if (typeof value !== 'string' || !E164.test(value)) {
    throw new GraphQLError('Expected a telephone number in E.164 form, such as "+431234567".');
  }
  return value;
};

/** Not that of graphql-scalars: it takes any spelling, by an expression that takes exponential time. */
export const PhoneNumberScalar = new GraphQLScalarType<string, unknown>({
  name: 'PhoneNumber',
  description: 'A telephone number in E.164 form, such as `+431234567`.',
  serialize: (value) => value,
  parseValue: parsePhoneNumber,
  parseLiteral: (node) => parsePhoneNumber(node.kind === Kind.STRING ? node.value : undefined),
});

export const UrlScalar = lenientOutput(GraphQLURL, {
  name: 'URL',
  description: 'An absolute URL, such as `https://example.com/`.',
  parse: (value) => {
    if (!(value instanceof URL)) return value;
    if (value.protocol !== 'http:' && value.protocol !== 'https:') {
      throw new GraphQLError('Expected an http or https URL.');
    }
    return value.toString();
  },
});

export const CurrencyCodeScalar = lenientOutput(GraphQLCurrency, {
  name: 'CurrencyCode',
  description: 'A currency by its ISO 4217 code, such as `EUR`.',
});

export const JsonScalar = lenientOutput(GraphQLJSON, {
  name: 'JSON',
  description: 'Any object or list, as JSON.',
  parse: (value) => {
    if (typeof value === 'object') return value;
    throw new GraphQLError('Expected an object or a list.');
  },
});

const DECIMAL = /^-?\d{1,16}(\.\d{1,4})?$/;

const parseDecimal = (value: unknown): string => {
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  if (typeof text !== 'string' || !DECIMAL.test(text)) {
    throw new GraphQLError(
      'Expected a decimal number as text, with at most 16 digits before the point and 4 after it, such as "1234.50".',
    );
  }
  return text;
};

const parseDecimalLiteral = (node: ValueNode): string => {
  if (node.kind !== Kind.STRING && node.kind !== Kind.INT && node.kind !== Kind.FLOAT) {
    throw new GraphQLError('Expected a decimal number as text, such as "1234.50".', {
      nodes: node,
    });
  }
  return parseDecimal(node.value);
};

/** Postgres pads to the column's scale; 1.5 and 1.5000 are the same number. */
export const trimDecimal = (text: string): string =>
  text.replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '');

export const DecimalScalar = new GraphQLScalarType<string, string>({
  name: 'Decimal',
  description: 'An exact decimal number as text, such as `"1234.50"`.',
  serialize: (value) => trimDecimal(String(value)),
  parseValue: parseDecimal,
  parseLiteral: parseDecimalLiteral,
});
