/**
 * The text of a cell → the value of a field, by the same scalars the API takes its input through,
 * so that an import can write nothing that the API would refuse.
 */
import { GraphQLError } from 'graphql';
import {
  CurrencyCodeScalar,
  DecimalScalar,
  EmailAddressScalar,
  JsonScalar,
  PhoneNumberScalar,
  UrlScalar,
} from '../graphql/scalars';
import { toConstantCase, type Field } from '../crm/kind/fields';
import { parseDateFormat, type DateFormat } from './dates';
import { multiply, readDecimal } from './decimals';
import type { PartSource } from './mapping.schema';

/** What a cell holds is not a value of the field; the message goes into the rejects file. */
export class CellFault extends Error {
  override readonly name = 'CellFault';
}

export type Scalar = string | number | boolean | null;
export type Convert = (value: Scalar, currency: string | null) => unknown;

const MAX_INT = 2_147_483_647;

/** How values of a field are read; a null stays null. @throws CellFault when a value does not fit. */
export function createConverter(field: Field, source: PartSource): Convert {
  const convert = converterOf(field, source);
  return (value, currency) => (value === null ? null : convert(value, currency));
}

type ConvertPresent = (value: string | number | boolean, currency: string | null) => unknown;

function converterOf(field: Field, source: PartSource): ConvertPresent {
  switch (field.type) {
    case 'text':
    case 'address':
      return String;
    case 'email':
      return (value) =>
        viaScalar('an e-mail address', () => EmailAddressScalar.parseValue(String(value)), value);
    case 'phone':
      return (value) =>
        viaScalar(
          'a telephone number such as +431234567',
          () => PhoneNumberScalar.parseValue(String(value)),
          value,
        );
    case 'url':
      return (value) =>
        viaScalar(
          'a URL such as https://example.com/',
          () => UrlScalar.parseValue(String(value)),
          value,
        );
    case 'integer':
      return (value) => readInteger(value, source);
    case 'decimal':
      return (value) => readNumber(value, source);
    case 'money':
      return (value, currency) => readMoney(value, currency ?? source.currency, source);
    case 'boolean':
      return readBoolean;
    case 'date':
    case 'dateTime':
      return dateConverter(field.type, source);
    case 'json':
      return (value) =>
        viaScalar('an object or a list as JSON', () => readJson(String(value)), value);
    case 'enum':
      return (value) => readEnum(value, field.values ?? []);
  }
}

function viaScalar(what: string, parse: () => unknown, given: unknown): unknown {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof GraphQLError || error instanceof TypeError)) throw error;
    throw new CellFault(`expected ${what}, but got ${quote(given)}`);
  }
}

/** A cell holds JSON as text. */
function readJson(text: string): unknown {
  try {
    return JsonScalar.parseValue(JSON.parse(text));
  } catch {
    throw new TypeError('no JSON');
  }
}

function readNumber(value: string | number | boolean, source: PartSource): string {
  const number = readDecimal(String(value), source);
  if (number === undefined) {
    const example = source.decimalSeparator === ',' ? '1234,5' : '1234.5';
    throw new CellFault(`expected a number such as ${example}, but got ${quote(value)}`);
  }
  const scaled = source.scale === undefined ? number : multiply(number, source.scale);
  return viaScalar(
    'a number with at most 16 digits before the point and 4 after it',
    () => DecimalScalar.parseValue(scaled),
    scaled,
  ) as string;
}

function readInteger(value: string | number | boolean, source: PartSource): number {
  const number = Number(readNumber(value, source));
  if (!Number.isInteger(number) || Math.abs(number) > MAX_INT) {
    throw new CellFault(
      `expected a whole number between -${MAX_INT} and ${MAX_INT}, but got ${quote(value)}`,
    );
  }
  return number;
}

function readMoney(
  value: string | number | boolean,
  currency: string | undefined,
  source: PartSource,
): unknown {
  if (currency === undefined)
    throw new CellFault(`expected a currency for the amount ${quote(value)}, but it is empty`);
  return {
    amount: readNumber(value, source),
    currencyCode: viaScalar(
      'a currency by its ISO 4217 code',
      () => CurrencyCodeScalar.parseValue(currency),
      currency,
    ),
  };
}

function readBoolean(value: string | number | boolean): boolean {
  if (typeof value === 'boolean') return value;
  if (value === 'true' || value === 'false') return value === 'true';
  throw new CellFault(`expected true or false, but got ${quote(value)}; "values" can translate it`);
}

function readEnum(value: string | number | boolean, values: readonly string[]): string {
  const found = values.find((each) => each === value || toConstantCase(each) === value);
  if (found === undefined) {
    throw new CellFault(
      `expected one of ${values.join(', ')}, but got ${quote(value)}; "values" can translate it`,
    );
  }
  return found;
}

function dateConverter(type: 'date' | 'dateTime', source: PartSource): ConvertPresent {
  // A constant is written in the mapping by its author: ISO 8601 it is.
  const written = source.date ?? (type === 'date' ? 'YYYY-MM-DD' : 'YYYY-MM-DDTHH:mm:ssZ');
  const format: DateFormat | undefined = parseDateFormat(written);
  return (value) => {
    const text = String(value);
    const found =
      type === 'date' ? format?.parseDate(text) : format?.parseDateTime(text, source.utcOffset);
    if (found === undefined)
      throw new CellFault(`expected a date as ${written}, but got ${quote(value)}`);
    return found;
  };
}

const LONGEST_QUOTE = 80;
export function quote(value: unknown): string {
  const text = String(value);
  return `"${text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text}"`;
}
