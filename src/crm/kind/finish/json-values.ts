/** How the values of a record are written as JSON, from the texts in which Postgres gives them. */
import type { GraphQLObjectType } from 'graphql';
import { toRfc3339 } from '../../../database/type-parsers';
import { trimDecimal } from '../../../graphql/scalars';
import { mergeSelections, type DocumentScope } from '../../../graphql/merge-selections';
import { toTypeId } from '../../../lib/type-id';
import type { Field } from '../fields';
import type { TextRow } from '../read/run-read';
import type { Nodes } from './finish-scope';

export type WriteRow = (row: TextRow) => string;
type WriteText = (text: string) => string;

/** Almost every text is plain, and telling so is quicker than looking for what to escape. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

export const quote: WriteText = (text) => (PLAIN.test(text) ? `"${text}"` : JSON.stringify(text));
const asItIs: WriteText = (text) => text;
const quoteMoment: WriteText = (text) => `"${toRfc3339(text)}"`;
const quoteDecimal: WriteText = (text) => `"${trimDecimal(text)}"`;
const writeBoolean: WriteText = (text) => (text === 't' ? 'true' : 'false');

export const quoteId =
  (prefix: string): WriteText =>
  (uuid) =>
    `"${toTypeId(prefix, uuid)}"`;

const WRITERS = {
  text: quote,
  email: quote,
  phone: quote,
  url: quote,
  integer: asItIs,
  decimal: quoteDecimal,
  boolean: writeBoolean,
  date: quote,
  dateTime: quoteMoment,
  json: asItIs,
} as const satisfies Partial<Record<Field['type'], WriteText>>;

/** Columns that are no fields of a kind, by the row's key. */
export const SYSTEM_WRITERS: Readonly<Record<string, WriteText>> = {
  externalId: quote,
  version: asItIs,
  createdAt: quoteMoment,
  updatedAt: quoteMoment,
  deletedAt: quoteMoment,
};

export const orNull =
  (at: number, write: WriteText): WriteRow =>
  (row) => {
    const text = row[at];
    return text === null || text === undefined ? 'null' : write(text);
  };

/** Place of a key's column in the row. @throws when the row's shape lacks it. */
export type ColumnOf = (key: string) => number;

/** @returns undefined when the selection within the field is not known beforehand. */
export function fieldWriter(
  scope: DocumentScope,
  name: string,
  field: Field,
  nodes: Nodes,
  columnOf: ColumnOf,
): WriteRow | undefined {
  if (field.type === 'enum') return orNull(columnOf(name), enumWriter(field));
  if (field.type !== 'money' && field.type !== 'address') {
    return orNull(columnOf(name), WRITERS[field.type]);
  }
  const typeName = field.type === 'money' ? 'Money' : 'Address';
  const type = scope.schema.getType(typeName) as GraphQLObjectType;
  const parts = mergeSelections(scope, type, nodes);
  if (parts === undefined) return undefined;
  const keys = [...parts].map(([key, [node]]): [string, string] => [key, node.name.value]);
  return field.type === 'money'
    ? moneyWriter(keys, columnOf(name), columnOf(`${name}Currency`))
    : orNull(columnOf(name), addressWriter(keys));
}

/** @param keys of the answer, each with the name of the field that it shows. */
type Keys = readonly (readonly [key: string, name: string])[];

function moneyWriter(keys: Keys, amountAt: number, currencyAt: number): WriteRow {
  const writers = keys.map(([, name]): WriteRow => {
    if (name === 'amount') return orNull(amountAt, quoteDecimal);
    return name === 'currencyCode' ? orNull(currencyAt, quote) : () => '"Money"';
  });
  const write = objectWriter(
    keys.map(([key]) => key),
    writers,
  );
  return (row) => (row[amountAt] === null ? 'null' : write(row));
}

/** Stored as JSON with the parts that were given. */
function addressWriter(keys: Keys): WriteText {
  return (text) => {
    const address = JSON.parse(text) as Readonly<Record<string, unknown>>;
    const members = keys.map(([key, name]) => {
      const part = name === '__typename' ? 'Address' : address[name];
      const shown = part === null || part === undefined ? 'null' : quote(asText(part));
      return `${quote(key)}:${shown}`;
    });
    return `{${members.join()}}`;
  };
}

function asText(part: unknown): string {
  if (typeof part === 'string') return part;
  if (typeof part === 'number' || typeof part === 'boolean') return String(part);
  throw new TypeError(`Expected the part of an address to be text, but it is ${typeof part}.`);
}

function enumWriter({ values = [], enumName = '' }: Field): WriteText {
  const shown = new Map(values.map((value) => [value, `"${value.toUpperCase()}"`]));
  return (text) => {
    const name = shown.get(text);
    if (name === undefined) throw new TypeError(`${enumName} has no value "${text}".`);
    return name;
  };
}

/** Writes an object, each key with what its writer makes of the row. */
export function objectWriter(keys: readonly string[], writers: readonly WriteRow[]): WriteRow {
  const members = writers.map((write, index) => ({
    before: `${index === 0 ? '{' : ','}${quote(keys[index] ?? '')}:`,
    write,
  }));
  return (row) => {
    let text = '';
    for (const { before, write } of members) text += before + write(row);
    return `${text}}`;
  };
}
