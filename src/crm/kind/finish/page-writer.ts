/** How the page of a root field is written: a connection, its edges and its ends. */
import { isObjectType, type FieldNode } from 'graphql';
import { mergeSelections, type MergedSelections } from '../../../graphql/merge-selections';
import type { Kind } from '../kind';
import type { PageAsked, PageSlice } from '../read/page-plan';
import type { TextRow } from '../read/run-read';
import type { CompileScope, Nodes } from './finish-scope';
import { quote, type WriteRow } from './json-values';
import { recordWriter, selectedNames, type RootRow } from './record-writer';

/** A page as it is written. */
export interface TextPage extends PageSlice<TextRow> {
  readonly cursorOf: WriteRow;
  readonly totalCount: number;
}

export type WritePage = (page: TextPage) => string;

export interface PagePlan {
  readonly asked: PageAsked;
  readonly row: RootRow;
  readonly countsAll: boolean;
  readonly write: WritePage;
}

interface PageCompilation {
  readonly row: RootRow;
  readonly asked: { hasNextPage: boolean; hasPreviousPage: boolean };
}

/** @returns undefined when something is selected that only its resolver can give. */
export function compilePage(
  scope: CompileScope,
  kind: Kind,
  node: FieldNode,
): PagePlan | undefined {
  const connection = merged(scope, `${kind.name}Connection`, [node]);
  const names = connection && namesOfRecords(scope, kind, connection);
  if (names === undefined) return undefined;
  const row: RootRow = { shape: scope.shapes.ofFields(kind, names), relations: [] };
  const asked = { hasNextPage: false, hasPreviousPage: false };
  const writers: WritePage[] = [];
  for (const nodes of connection?.values() ?? []) {
    const write = partWriter(scope, kind, nodes, { row, asked });
    if (write === undefined) return undefined;
    writers.push(write);
  }
  return {
    asked: { shape: row.shape, ...asked },
    row,
    countsAll: [...(connection?.values() ?? [])].some(([{ name }]) => name.value === 'totalCount'),
    write: pageObject([...(connection?.keys() ?? [])], writers),
  };
}

function partWriter(
  scope: CompileScope,
  kind: Kind,
  nodes: Nodes,
  compilation: PageCompilation,
): WritePage | undefined {
  switch (nodes[0].name.value) {
    case '__typename':
      return () => quote(`${kind.name}Connection`);
    case 'totalCount':
      return (page) => String(page.totalCount);
    case 'pageInfo':
      return pageInfoWriter(scope, nodes, compilation);
    case 'nodes': {
      const write = recordWriter(scope, kind, nodes, compilation.row);
      return write && (({ rows }) => list(rows, write));
    }
    case 'edges':
      return edgesWriter(scope, kind, nodes, compilation);
    default:
      return undefined;
  }
}

function edgesWriter(
  scope: CompileScope,
  kind: Kind,
  nodes: Nodes,
  { row }: PageCompilation,
): WritePage | undefined {
  const members: { readonly before: string; readonly write: WriteRow | 'cursor' }[] = [];
  for (const [key, fieldNodes] of merged(scope, `${kind.name}Edge`, nodes) ?? []) {
    const name = fieldNodes[0].name.value;
    const write = name === 'node' ? recordWriter(scope, kind, fieldNodes, row) : 'cursor';
    if (write === undefined) return undefined;
    members.push({
      before: `${members.length === 0 ? '{' : ','}${quote(key)}:`,
      write: name === '__typename' ? () => quote(`${kind.name}Edge`) : write,
    });
  }
  if (members.length === 0) return undefined;
  return ({ rows, cursorOf }) =>
    list(rows, (one) => {
      let text = '';
      for (const { before, write } of members) {
        text += before + (write === 'cursor' ? cursorOf(one) : write(one));
      }
      return `${text}}`;
    });
}

function pageInfoWriter(
  scope: CompileScope,
  nodes: Nodes,
  { asked }: PageCompilation,
): WritePage | undefined {
  const info = merged(scope, 'PageInfo', nodes);
  if (info === undefined) return undefined;
  const writers = [...info.values()].map(([{ name }]): WritePage => {
    switch (name.value) {
      case 'hasNextPage':
        asked.hasNextPage = true;
        return (page) => String(page.hasNextPage);
      case 'hasPreviousPage':
        asked.hasPreviousPage = true;
        return (page) => String(page.hasPreviousPage);
      case 'startCursor':
        return (page) => cursorAt(page, 0);
      case 'endCursor':
        return (page) => cursorAt(page, -1);
      default:
        return () => '"PageInfo"';
    }
  });
  return pageObject([...info.keys()], writers);
}

const cursorAt = ({ rows, cursorOf }: TextPage, index: 0 | -1): string => {
  const row = rows.at(index);
  return row === undefined ? 'null' : cursorOf(row);
};

function list(rows: readonly TextRow[], write: WriteRow): string {
  let text = '';
  for (const row of rows) text += (text === '' ? '[' : ',') + write(row);
  return text === '' ? '[]' : `${text}]`;
}

const pageObject =
  (keys: readonly string[], writers: readonly WritePage[]): WritePage =>
  (page) =>
    `{${keys.map((key, index) => `${quote(key)}:${writers[index]?.(page) ?? 'null'}`).join()}}`;

function merged(
  scope: CompileScope,
  typeName: string,
  nodes: readonly FieldNode[],
): MergedSelections | undefined {
  const type = scope.schema.getType(typeName);
  if (!isObjectType(type)) throw new Error(`The schema has no type ${typeName}.`);
  return mergeSelections(scope, type, nodes);
}

/** What is shown of the page's records, in `nodes` and in `edges`. */
function namesOfRecords(
  scope: CompileScope,
  kind: Kind,
  connection: MergedSelections,
): readonly string[] | undefined {
  const names: string[] = [];
  const add = (nodes: readonly FieldNode[]): boolean => {
    const found = selectedNames(scope, kind, nodes);
    names.push(...(found ?? []));
    return found !== undefined;
  };
  const isKnown = [...connection.values()].every((nodes) => {
    if (nodes[0].name.value === 'nodes') return add(nodes);
    if (nodes[0].name.value !== 'edges') return true;
    const edge = merged(scope, `${kind.name}Edge`, nodes);
    return [...(edge?.values() ?? [])].every(
      (edgeNodes) => edgeNodes[0].name.value !== 'node' || add(edgeNodes),
    );
  });
  return isKnown ? names : undefined;
}
