/** The resolvers of a record: `x(id)`, `xs(…)`, its references, and the values shown otherwise. */
import { ID, type ClassType } from 'type-graphql';
import { defineArgsType } from '../../../graphql/define-type';
import { defineResolver, type ResolverMap } from '../../../graphql/define-resolver';
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from '../../../graphql/pages';
import type { PlatformContext } from '../platform-context';
import type { PlatformRecord, PlatformRow } from './platform-record';
import { parseRecordId, toRecordId } from './record-ids';
import type { RecordListArguments, RecordPage, RecordReader } from './record-reader';
import type { RecordSet } from './record-set';
import type { RecordTypes } from './record-types';

const CONNECTION = { defaultFirst: DEFAULT_PAGE_SIZE, maxFirst: MAX_PAGE_SIZE } as const;

export interface RecordResolverDeps {
  readonly reader: RecordReader;
  readonly set: RecordSet;
  readonly typesOf: (name: string) => RecordTypes;
  readonly resolvers: ResolverMap;
}

export function defineRecordResolver(
  { reader, set, typesOf, resolvers }: RecordResolverDeps,
  record: PlatformRecord,
): ClassType {
  const { name, singular, plural, one, many } = record;
  const types = typesOf(name);
  const values = (resolvers[name] ??= {});
  values['id'] = (row: PlatformRow) => toRecordId(record, row.id);
  for (const [field, { type }] of Object.entries(record.fields)) {
    if (type !== 'recordId') continue;
    values[field] = (row: PlatformRow) => {
      const uuid = row[field];
      return typeof uuid === 'string' ? set.idOfRow(String(row['table']), uuid) : null;
    };
  }
  addConnectionResolvers(resolvers, name);
  return defineResolver<PlatformContext>({ type: types.record, name }, resolvers, (builder) => {
    builder.query<{ id: string }>({
      name: singular,
      returns: () => types.record,
      nullable: true,
      args: defineArgsType(`${name}Arguments`, {
        id: { type: () => ID, description: `Which ${one}.` },
      }),
      description: `The ${one} with this id, or null when there is none.`,
      extensions: { rule: 'viewer', statements: 1 },
      resolve: (_source, { id }, context) => {
        const key = parseRecordId(record, id);
        return key === undefined ? null : reader.byId(context, record, key);
      },
    });
    builder.query<RecordListArguments>({
      name: plural,
      returns: () => types.connection,
      args: types.listArguments,
      description: `The ${many}, filtered and ordered, a page at a time.`,
      extensions: { rule: 'viewer', statements: 1, connection: CONNECTION },
      resolve: (_source, args, context) => reader.page(context, record, args),
    });
    for (const [reference, { record: target, description }] of Object.entries(
      record.references ?? {},
    )) {
      builder.field<PlatformRow, object>({
        name: reference,
        returns: () => typesOf(target).record,
        nullable: true,
        description,
        extensions: { statements: 1 },
        resolve: (row, _args, context) => {
          const id = row[`${reference}Id`];
          return typeof id === 'string' ? reader.byId(context, set.get(target), id) : null;
        },
      });
    }
  });
}

function addConnectionResolvers(resolvers: ResolverMap, name: string): void {
  resolvers[`${name}Connection`] = {
    nodes: (page: RecordPage) => page.rows,
    edges: (page: RecordPage) => page.rows.map((node) => ({ node, page })),
    pageInfo: (page: RecordPage) => page,
    totalCount: (page: RecordPage) => page.totalCount(),
  };
  resolvers[`${name}Edge`] = {
    cursor: ({ node, page }: { node: PlatformRow; page: RecordPage }) => page.cursorOf(node),
  };
}

/** The cursors at a page's ends, the same for all records. */
export function addPageInfoResolvers(resolvers: ResolverMap): void {
  const at = (page: RecordPage, index: number): string | null => {
    const row = page.rows.at(index);
    return row === undefined ? null : page.cursorOf(row);
  };
  resolvers['PageInfo'] = {
    startCursor: (page: RecordPage) => at(page, 0),
    endCursor: (page: RecordPage) => at(page, -1),
  };
}
