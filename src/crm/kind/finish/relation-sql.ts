/**
 * What hangs beneath a record, as JSON that Postgres makes: one expression for each relation, over the
 * row of the record, with what hangs beneath its records within it. So a whole tree is one statement.
 */
import { getArgumentValues, isObjectType, type GraphQLObjectType } from 'graphql';
import sql, { join, raw, type Sql } from 'sql-template-tag';
import { mergeSelections } from '../../../graphql/merge-selections';
import type { ChildRelation, Kind, Parent } from '../kind';
import type { ListArguments } from '../read/page-plan';
import { pageBody, recordSql } from '../read/read-sql';
import { hasFixedArguments } from './fixed-statement';
import type { Asking, CompileScope, MadeSql, Nodes } from './finish-scope';
import { fieldSql, nameLiteral, SYSTEM_SQL } from './json-sql';
import { ENUM_MARK, idMark, MARK_LENGTH } from './marks';

/** Of a record whose relations are asked for. */
export interface OuterRow {
  /** Alias of the row, whose columns are named by the row's keys. */
  readonly alias: string;
  readonly depth: number;
}

/** Postgres cuts longer names, and the keys of an answer are names of columns. */
const MAX_NAME_LENGTH = 63;

/** @returns undefined when the name is no relation, or it selects what only resolvers can give. */
export function relationSql(
  scope: CompileScope,
  kind: Kind,
  nodes: Nodes,
  outer: OuterRow,
): MadeSql | undefined {
  const name = nodes[0].name.value;
  const parent = kind.parents.find((one) => one.name === name);
  if (parent !== undefined) return parentSql(scope, parent, nodes, outer);
  const relation = scope.kinds.children(kind).find((one) => one.name === name);
  return relation && childrenSql(scope, relation, nodes, outer);
}

function parentSql(
  scope: CompileScope,
  parent: Parent,
  nodes: Nodes,
  { alias, depth }: OuterRow,
): MadeSql | undefined {
  const kind = scope.kinds.get(parent.kind);
  const record = recordJson(scope, kind, nodes, depth + 1);
  if (record === undefined) return undefined;
  const id = raw(`${alias}."${parent.idField}"`);
  return {
    isFixed: record.isFixed,
    make: (asking) =>
      sql`(select row_to_json(r) from (${record.make(
        asking,
        recordSql(kind, asking.localTenantId, sql`t.id = ${id}`, record.shape),
      )}) r)`,
  };
}

function childrenSql(
  scope: CompileScope,
  relation: ChildRelation,
  nodes: Nodes,
  { alias, depth }: OuterRow,
): MadeSql | undefined {
  const { child, via } = relation;
  const list = listOf(scope, child, nodes);
  if (list === undefined) return undefined;
  const record = recordJson(scope, child, list.nodes, depth + 1);
  // What is read backwards has to be turned round.
  const isForward = (nodes[0].arguments ?? []).every(
    ({ name: { value } }) => value !== 'last' && value !== 'before',
  );
  if (record === undefined || !isForward) return undefined;
  const argumentsOf = argumentReader(scope, relation, nodes);
  const asked = { shape: record.shape, hasNextPage: false, hasPreviousPage: false };
  const ofParent = raw(`t.${via.column} = ${alias}."id"`);
  const [open, before, after, close] = list.texts.map((text) => raw(`'${text}'`));
  const json = raw(depth === 0 ? '' : '::json');
  return {
    isFixed: record.isFixed && nodes.every(hasFixedArguments),
    make(asking) {
      const { query } = scope.planPage(child, argumentsOf(asking.variables), asked, asking);
      const page = pageBody(child, asking.localTenantId, query, ofParent, raw(`${query.limit}`));
      return sql`(select (${open} || coalesce(string_agg(${before} || row_to_json(r)::text || ${after}, ','), '')
        || ${close})${json} from (${record.make(asking, page)}) r)`;
    },
  };
}

interface RecordList {
  /** Of the records, whatever they are shown in. */
  readonly nodes: Nodes;
  /** What stands before the list, before and after each record, and behind the list. */
  readonly texts: readonly [string, string, string, string];
}

/** A connection that shows its records and nothing else: `nodes`, or `edges` without cursors. */
function listOf(scope: CompileScope, kind: Kind, nodes: Nodes): RecordList | undefined {
  const connection = single(scope, `${kind.name}Connection`, nodes);
  if (connection === undefined) return undefined;
  const { key, nodes: inner, before, after } = connection;
  const open = `{${before}"${key}":[`;
  const close = `]${after}}`;
  if (inner[0].name.value === 'nodes') return { nodes: inner, texts: [open, '', '', close] };
  if (inner[0].name.value !== 'edges') return undefined;
  const edge = single(scope, `${kind.name}Edge`, inner);
  if (edge?.nodes[0].name.value !== 'node') return undefined;
  return {
    nodes: edge.nodes,
    texts: [open, `{${edge.before}"${edge.key}":`, `${edge.after}}`, close],
  };
}

interface SingleField {
  readonly key: string;
  readonly nodes: Nodes;
  /** Names of types that are shown before the field and behind it. */
  readonly before: string;
  readonly after: string;
}

/** The one field that is selected of an object, beside the name of its type. */
function single(scope: CompileScope, typeName: string, nodes: Nodes): SingleField | undefined {
  const selected = mergeSelections(
    scope,
    scope.schema.getType(typeName) as GraphQLObjectType,
    nodes,
  );
  let found: { key: string; nodes: Nodes } | undefined;
  let before = '';
  let after = '';
  for (const [key, fieldNodes] of selected ?? []) {
    const isName = fieldNodes[0].name.value === '__typename';
    if (!isName && found !== undefined) return undefined;
    if (!isName) found = { key, nodes: fieldNodes };
    else if (found === undefined) before += `"${key}":"${typeName}",`;
    else after += `,"${key}":"${typeName}"`;
  }
  return found && { ...found, before, after };
}

interface RecordJson {
  readonly isFixed: boolean;
  readonly shape: ReturnType<CompileScope['shapes']['whole']>;
  /** Selects what is shown of each row that `rows` gives, under the keys of the answer. */
  readonly make: (asking: Asking, rows: Sql) => Sql;
}

function recordJson(
  scope: CompileScope,
  kind: Kind,
  nodes: Nodes,
  depth: number,
): RecordJson | undefined {
  const selected = mergeSelections(
    scope,
    scope.schema.getType(kind.name) as GraphQLObjectType,
    nodes,
  );
  if (selected === undefined) return undefined;
  const alias = `of${depth}`;
  const columns: MadeSql[] = [];
  for (const [key, fieldNodes] of selected) {
    if (key.length + MARK_LENGTH > MAX_NAME_LENGTH) return undefined;
    const value =
      valueSql(scope, kind, fieldNodes, alias) ??
      relationSql(scope, kind, fieldNodes, { alias, depth });
    if (value === undefined) return undefined;
    const name = raw(` as "${key}${markOf(kind, fieldNodes)}"`);
    if (typeof value === 'string') {
      const column = sql`${raw(value)}${name}`;
      columns.push({ isFixed: true, make: () => column });
    } else {
      columns.push({ isFixed: value.isFixed, make: (asking) => sql`${value.make(asking)}${name}` });
    }
  }
  const names = [...selected.values()].map(([node]) => node.name.value);
  return {
    isFixed: columns.every(({ isFixed }) => isFixed),
    shape: scope.shapes.ofFields(kind, names),
    make: (asking, rows) =>
      sql`select ${join(columns.map(({ make }) => make(asking)))} from (${rows}) ${raw(alias)}`,
  };
}

/** @returns undefined when the field is no value of the record. */
function valueSql(
  scope: CompileScope,
  kind: Kind,
  nodes: Nodes,
  alias: string,
): string | undefined {
  const name = nodes[0].name.value;
  const columnOf = (key: string): string => `${alias}."${key}"`;
  if (name === '__typename') return nameLiteral(kind.name);
  if (name === 'id') return columnOf('id');
  const system = SYSTEM_SQL[name];
  if (system !== undefined) return system(columnOf(name));
  const field = kind.fields[name];
  return field && fieldSql(scope, name, field, nodes, columnOf);
}

/** What the key of a value ends with that is not yet what the API shows. */
function markOf({ fields, idPrefix }: Kind, [{ name }]: Nodes): string {
  if (name.value === 'id') return idMark(idPrefix);
  return fields[name.value]?.type === 'enum' ? ENUM_MARK : '';
}

/** The arguments of the list; without variables they are the same for all requests. */
function argumentReader(
  { schema }: CompileScope,
  { name, via }: ChildRelation,
  [node]: Nodes,
): (variables: Asking['variables']) => ListArguments {
  const type = schema.getType(via.kind);
  const field = isObjectType(type) ? type.getFields()[name] : undefined;
  if (field === undefined) throw new Error(`There is no field ${via.kind}.${name}.`);
  return (variables) => getArgumentValues(field, node, variables);
}
