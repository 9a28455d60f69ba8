/** How a kind's fields stand in its table: the one place where snake_case meets camelCase. */
import { raw, type Sql } from 'sql-template-tag';
import { ADDRESS_PARTS, isWritable, toSnakeCase, type Field } from './fields';
import type { Kind } from './kind';
import { perKind } from './per-kind';

export const tableOf = perKind((kind): Sql => raw(`cloister.${kind.table}`));

export const columnOf = (name: string, field: Field): string => field.column ?? toSnakeCase(name);

/** The generated column of one part of an address: `billing_address` → `billing_city`. */
export const addressPartColumn = (name: string, field: Field, part: string): string =>
  `${columnOf(name, field).replace(/_address$/, '')}_${toSnakeCase(part)}`;

/** Columns every record has, as row key → column. */
export const SYSTEM_COLUMNS = {
  id: 'id',
  externalId: 'external_id',
  version: 'version',
  createdAt: 'created_at',
  updatedAt: 'updated_at',
  createdById: 'created_by',
  updatedById: 'updated_by',
  deletedAt: 'deleted_at',
} as const;

/** What can be read of a kind's records, as row key and column, in a fixed order. */
export const readableColumns = perKind(
  (kind): readonly (readonly [key: string, column: string])[] => {
    const columns: [key: string, column: string][] = Object.entries(SYSTEM_COLUMNS);
    for (const [name, field] of Object.entries(kind.fields)) {
      if (field.inputOnly === true) continue;
      columns.push([name, columnOf(name, field)]);
      if (field.type === 'money') {
        columns.push([`${name}Currency`, `${columnOf(name, field)}_currency`]);
      }
    }
    for (const parent of kind.parents) columns.push([parent.idField, parent.column]);
    return columns;
  },
);

/**
 * A select list over the alias `t`: `t.first_name as "firstName", …`.
 * @param keys which of the row's keys; absent: all of them.
 */
export const selectListOf = (kind: Kind, keys?: ReadonlySet<string>): string =>
  readableColumns(kind)
    .filter(([key]) => keys?.has(key) ?? true)
    .map(([key, column]) => `t.${column} as "${key}"`)
    .join(', ');

/** The select list of whole rows. */
export const selectList = perKind((kind): string => selectListOf(kind));

export interface WritableColumn {
  /** Key in a write's values (columns, not fields: money has two). */
  readonly column: string;
  readonly sqlType: string;
  /** SQL literal for a new record that leaves it out. */
  readonly defaultSql?: string;
}

const SQL_TYPES = {
  text: 'text',
  email: 'text',
  phone: 'text',
  url: 'text',
  integer: 'integer',
  decimal: 'numeric',
  boolean: 'boolean',
  date: 'date',
  dateTime: 'timestamptz',
  enum: 'text',
  money: 'numeric',
  address: 'jsonb',
  json: 'jsonb',
} as const satisfies Record<Field['type'], string>;

export const sqlTypeOf = (field: Field): string => SQL_TYPES[field.type];

/** The columns a write may set, in a fixed order, so that a kind has one insert statement. */
export const writableColumns = perKind((kind): readonly WritableColumn[] => {
  const columns: WritableColumn[] = [{ column: 'external_id', sqlType: 'text' }];
  for (const [name, field] of Object.entries(kind.fields)) {
    if (!isWritable(field) || field.inputOnly === true) continue;
    columns.push({
      column: columnOf(name, field),
      sqlType: sqlTypeOf(field),
      ...(field.default === undefined ? {} : { defaultSql: field.default }),
    });
    if (field.type === 'money') {
      columns.push({ column: `${columnOf(name, field)}_currency`, sqlType: 'text' });
    }
  }
  for (const parent of kind.parents) columns.push({ column: parent.column, sqlType: 'uuid' });
  for (const column of kind.derivedColumns ?? []) columns.push({ column, sqlType: 'text' });
  return columns;
});

/** Values by field → values by column. */
export function toColumnValues(
  kind: Kind,
  values: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const columns: Record<string, unknown> = {};
  if (values['externalId'] !== undefined) columns['external_id'] = values['externalId'];
  for (const [name, field] of Object.entries(kind.fields)) {
    const value = values[name];
    if (value === undefined || !isWritable(field) || field.inputOnly === true) continue;
    const column = columnOf(name, field);
    if (field.type === 'money') {
      const money = value as { amount: string; currencyCode: string } | null;
      columns[column] = money?.amount ?? null;
      columns[`${column}_currency`] = money?.currencyCode ?? null;
    } else if (field.type === 'address' && value !== null) {
      columns[column] = givenParts(value as Record<string, unknown>);
    } else {
      columns[column] = value;
    }
  }
  for (const parent of kind.parents) {
    const value = values[parent.idField];
    if (value !== undefined) columns[parent.column] = value;
  }
  return columns;
}

/** An address as it is stored: without the parts that were left out. */
const givenParts = (address: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(
    ADDRESS_PARTS.flatMap((part) =>
      address[part] === undefined || address[part] === null ? [] : [[part, address[part]]],
    ),
  );
