/**
 * How the records of a root field are written: their own values here, from the texts in which Postgres
 * gives them, and what hangs beneath them as the JSON that it made of it.
 */
import { isObjectType, type FieldNode, type GraphQLObjectType } from 'graphql';
import sql, { join, raw, type Sql } from 'sql-template-tag';
import { mergeSelections } from '../../../graphql/merge-selections';
import type { Kind } from '../kind';
import type { RowShape } from '../read/row-shapes';
import type { Asking, CompileScope, MadeSql, Nodes } from './finish-scope';
import {
  fieldWriter,
  objectWriter,
  orNull,
  quote,
  quoteId,
  SYSTEM_WRITERS,
  type WriteRow,
} from './json-values';
import { fillMarks } from './marks';
import { relationSql } from './relation-sql';

/** The columns of a root field's statement: the shape's, then one for each relation. */
export interface RootRow {
  readonly shape: RowShape;
  /** Grows while what writes its records is compiled. */
  readonly relations: MadeSql[];
}

const OUTER = { alias: 'of0', depth: 0 } as const;

/** @returns undefined when something is selected that only its resolver can give. */
export function recordWriter(
  scope: CompileScope,
  kind: Kind,
  nodes: readonly FieldNode[],
  row: RootRow,
): WriteRow | undefined {
  const selected = mergeSelections(scope, recordType(scope, kind), nodes);
  if (selected === undefined) return undefined;
  const writers: WriteRow[] = [];
  for (const fieldNodes of selected.values()) {
    const write =
      valueWriter(scope, kind, fieldNodes, row) ?? relationWriter(scope, kind, fieldNodes, row);
    if (write === undefined) return undefined;
    writers.push(write);
  }
  return objectWriter([...selected.keys()], writers);
}

/** Names of the record's fields that are selected; undefined as above. */
export function selectedNames(
  scope: CompileScope,
  kind: Kind,
  nodes: readonly FieldNode[],
): readonly string[] | undefined {
  const selected = mergeSelections(scope, recordType(scope, kind), nodes);
  return selected && [...selected.values()].map(([node]) => node.name.value);
}

/**
 * The statement with the relations' columns.
 * @param rows gives the shape's columns, and those named in `others`, which come last.
 */
export function withRelations(
  { shape, relations }: RootRow,
  asking: Asking,
  rows: Sql,
  others: readonly string[] = [],
): Sql {
  if (relations.length === 0) return rows;
  const own = (names: readonly string[]): Sql[] =>
    names.map((name) => raw(`${OUTER.alias}."${name}"`));
  const columns = [
    ...own(shape.keys),
    ...relations.map(({ make }) => make(asking)),
    ...own(others),
  ];
  return sql`select ${join(columns)} from (${rows}) ${raw(OUTER.alias)}`;
}

function recordType({ schema }: CompileScope, { name }: Kind): GraphQLObjectType {
  const type = schema.getType(name);
  if (!isObjectType(type)) throw new Error(`The schema has no type ${name} for its kind.`);
  return type;
}

/** @returns undefined when the field is no value of the record. */
function valueWriter(
  scope: CompileScope,
  kind: Kind,
  nodes: Nodes,
  { shape }: RootRow,
): WriteRow | undefined {
  const name = nodes[0].name.value;
  const columnOf = (key: string): number => {
    const place = shape.keys.indexOf(key);
    if (place === -1) throw new Error(`The shape of ${kind.name} lacks "${key}".`);
    return place;
  };
  if (name === '__typename') return () => quote(kind.name);
  if (name === 'id') return orNull(columnOf('id'), quoteId(kind.idPrefix));
  const system = SYSTEM_WRITERS[name];
  if (system !== undefined) return orNull(columnOf(name), system);
  const field = kind.fields[name];
  return field && fieldWriter(scope, name, field, nodes, columnOf);
}

function relationWriter(
  scope: CompileScope,
  kind: Kind,
  nodes: Nodes,
  { shape, relations }: RootRow,
): WriteRow | undefined {
  const relation = relationSql(scope, kind, nodes, OUTER);
  if (relation === undefined) return undefined;
  relations.push(relation);
  return orNull(shape.keys.length + relations.length - 1, fillMarks);
}
