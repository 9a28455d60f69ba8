/** A filter of a list as conditions of its query. Values are parameters throughout. */
import type { Knex } from 'knex';
import { MAX_LIST, OPERATORS, PATTERNS } from '../../../database/comparison';
import { badUserInput } from '../../../errors';
import { sqlTypeOf, type PlatformRecord } from './platform-record';
import { parseRecordId } from './record-ids';
import type { RecordSet } from './record-set';

export type Comparison = Readonly<Record<string, unknown>>;
export type RecordFilter = Readonly<Record<string, Comparison | null | undefined>>;

/** Equals no id there is. */
const NO_ID = { uuid: '00000000-0000-0000-0000-000000000000', bigint: '0' } as const;

export function applyFilter(
  query: Knex.QueryBuilder,
  record: PlatformRecord,
  filter: RecordFilter,
  set: RecordSet,
): void {
  const { fields, references = {} } = record;
  for (const [name, comparison] of Object.entries(filter)) {
    if (comparison === undefined) continue;
    if (comparison === null) throw badUserInput(`Expected a condition for ${name}, but got null.`);
    const field = fields[name];
    const reference = references[name.replace(/Id$/, '')];
    if (field !== undefined) {
      const values =
        field.type === 'recordId' ? decodeIds(set.uuidOf, NO_ID.uuid, comparison) : comparison;
      compare(query, `(${field.sql})`, sqlTypeOf(field.type), values);
    } else if (reference !== undefined) {
      compareIds(query, `(${reference.sql})`, set.get(reference.record), comparison);
    } else {
      compareIds(query, 'r.id', record, comparison);
    }
  }
}

function compareIds(
  query: Knex.QueryBuilder,
  sql: string,
  record: PlatformRecord,
  comparison: Comparison,
): void {
  const parse = (id: string): string | undefined => parseRecordId(record, id);
  compare(query, sql, record.idType, decodeIds(parse, NO_ID[record.idType], comparison));
}

/** An id that cannot be one is nobody's. */
function decodeIds(
  parse: (id: string) => string | undefined,
  nobody: string,
  comparison: Comparison,
): Comparison {
  const decode = (id: unknown): unknown => (typeof id === 'string' ? (parse(id) ?? nobody) : id);
  return Object.fromEntries(
    Object.entries(comparison).map(([operation, value]) => [
      operation,
      Array.isArray(value) ? value.map(decode) : decode(value),
    ]),
  );
}

function compare(
  query: Knex.QueryBuilder,
  sql: string,
  type: string,
  comparison: Comparison,
): void {
  for (const [operation, value] of Object.entries(comparison)) {
    if (value === undefined) continue;
    if (value === null) throw badUserInput(`Expected a value for ${operation}, but got null.`);
    refuseNul(value);
    const operator = OPERATORS[operation];
    const pattern = PATTERNS[operation];
    if (operator !== undefined) {
      void query.whereRaw(`${sql} ${operator} cast(? as ${type})`, [value as string]);
    } else if (pattern !== undefined) {
      void query.whereRaw(`${sql} ilike ?`, [pattern(value as string)]);
    } else if (operation === 'isNull') {
      void query.whereRaw(`${sql} is ${value === true ? '' : 'not '}null`);
    } else {
      refuseLongList(operation, value as unknown[]);
      const test = operation === 'in' ? '= any' : '<> all';
      void query.whereRaw(`${sql} ${test}(cast(? as ${type}[]))`, [value as string[]]);
    }
  }
}

function refuseLongList(operation: string, list: readonly unknown[]): void {
  if (list.length <= MAX_LIST) return;
  throw badUserInput(`Expected at most ${MAX_LIST} values in ${operation}, got ${list.length}.`);
}

/** Postgres' text cannot hold NUL; said here, where it is still the client's argument. */
function refuseNul(value: unknown): void {
  const holds = (text: unknown): boolean => typeof text === 'string' && text.includes('\u0000');
  if (Array.isArray(value) ? value.some(holds) : holds(value)) {
    throw badUserInput('Expected text without NUL characters.');
  }
}
