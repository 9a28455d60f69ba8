/** How the values of a record are shown in JSON that Postgres makes: SQL over a row of its readable columns. */
import type { GraphQLObjectType } from 'graphql';
import { mergeSelections, type DocumentScope } from '../../../graphql/merge-selections';
import type { Field } from '../fields';
import type { Nodes } from './finish-scope';
import { UNKNOWN } from './marks';

/** `text 'Account'`; of names alone, which need no escaping. */
export const nameLiteral = (name: string): string => `text '${name}'`;

/** What is no moment of a calendar (infinity) stays the text that it is. */
const momentSql = (column: string): string =>
  `coalesce(to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), ${column}::text)`;

const decimalSql = (column: string): string => `trim_scale(${column})::text`;

/** Columns that are no fields of a kind, by the row's key. */
export const SYSTEM_SQL: Readonly<Record<string, (column: string) => string>> = {
  externalId: (column) => column,
  version: (column) => column,
  createdAt: momentSql,
  updatedAt: momentSql,
  deletedAt: momentSql,
};

/**
 * @param columnOf the SQL of a key of the row.
 * @returns undefined when the selection within the field is not known beforehand.
 */
export function fieldSql(
  scope: DocumentScope,
  name: string,
  field: Field,
  nodes: Nodes,
  columnOf: (key: string) => string,
): string | undefined {
  const column = columnOf(name);
  switch (field.type) {
    case 'enum':
      return enumSql(field, column);
    case 'dateTime':
      return momentSql(column);
    case 'decimal':
      return decimalSql(column);
    case 'money':
      return partsSql(scope, 'Money', nodes, column, (part) =>
        // Digits need no escaping.
        part === 'amount'
          ? `'"' || trim_scale(${column}) || '"'`
          : `coalesce(to_json(${columnOf(`${name}Currency`)})::text, 'null')`,
      );
    case 'address':
      return partsSql(
        scope,
        'Address',
        nodes,
        column,
        (part) => `coalesce(to_json(${column} ->> '${part}')::text, 'null')`,
      );
    default:
      return column;
  }
}

/** Stored in lower case. A value that the API does not know is no answer: it is told as such. */
function enumSql({ values = [] }: Field, column: string): string {
  const known = values.map((value) => `'${value}'`).join();
  return `case when ${column} in (${known}) then upper(${column} collate "C") else '${UNKNOWN}' || ${column} end`;
}

/**
 * An object within the record; null where its column is. Put together as text, which costs less.
 * @param jsonOf the SQL of a part, as JSON text.
 */
function partsSql(
  scope: DocumentScope,
  typeName: 'Money' | 'Address',
  nodes: Nodes,
  column: string,
  jsonOf: (part: string) => string,
): string | undefined {
  const type = scope.schema.getType(typeName) as GraphQLObjectType;
  const parts = mergeSelections(scope, type, nodes);
  if (parts === undefined) return undefined;
  const members = [...parts].map(([key, [{ name }]]) =>
    name.value === '__typename'
      ? `'"${key}":"${typeName}"'`
      : `'"${key}":' || ${jsonOf(name.value)}`,
  );
  return `case when ${column} is not null then ('{' || ${members.join(` || ',' || `)} || '}')::json end`;
}
