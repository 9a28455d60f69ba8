/** The resolvers of a kind: root fields, relations, and the values whose form differs from the row's. */
import { ID, type ClassType } from 'type-graphql';
import { defineArgsType, defineInputType, defineObjectType } from '../../graphql/define-type';
import { defineResolver, type ResolverBuilder, type ResolverMap } from '../../graphql/define-resolver';
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from '../../graphql/pages';
import { UserError } from '../../graphql/user-errors';
import { parseTypeId, toTypeId } from '../../lib/type-id';
import type { Kind, KindRow, KindSet } from './kind';
import { createKindMutations } from './kind-mutations';
import type { KindReader, ListArguments, Page } from './kind-reader';
import { capitalise, type KindTypes } from './kind-types';
import type { KindWriter } from './kind-writer';

const CONNECTION = { defaultFirst: DEFAULT_PAGE_SIZE, maxFirst: MAX_PAGE_SIZE } as const;

export interface KindResolverDeps {
  readonly kinds: KindSet;
  readonly reader: KindReader;
  readonly writer: KindWriter;
  readonly typesOf: (kind: Kind) => KindTypes;
  readonly resolvers: ResolverMap;
}

export function defineKindResolver(deps: KindResolverDeps, kind: Kind): ClassType {
  const { resolvers, typesOf } = deps;
  const types = typesOf(kind);
  addValueResolvers(resolvers, kind);
  addConnectionResolvers(resolvers, kind);
  return defineResolver({ type: types.record, name: kind.name }, resolvers, (builder) => {
    addRelations(deps, kind, builder);
    addQueries(deps, kind, builder);
    addMutations(deps, kind, builder);
  });
}

function addRelations({ kinds, reader, typesOf }: KindResolverDeps, kind: Kind, builder: ResolverBuilder): void {
  for (const parent of kind.parents) {
    const parentKind = kinds.get(parent.kind);
    builder.field<KindRow, object>({
      name: parent.name,
      returns: () => typesOf(parentKind).record,
      nullable: true,
      description: parent.description,
      extensions: { statements: 1 },
      resolve: (row, _args, ctx) => {
        const id = row[parent.idField];
        return typeof id === 'string' ? reader.byId(ctx, parentKind, id) : null;
      },
    });
  }
  for (const relation of kinds.children(kind)) {
    const childTypes = typesOf(relation.child);
    builder.field<KindRow, ListArguments>({
      name: relation.name,
      returns: () => childTypes.connection,
      args: childTypes.listArguments,
      description: relation.description,
      extensions: { statements: 1, connection: CONNECTION },
      resolve: (row, args, ctx, info) => reader.childPage(ctx, relation, row.id, args, info),
    });
  }
}

function addQueries({ reader, typesOf }: KindResolverDeps, kind: Kind, builder: ResolverBuilder): void {
  const types = typesOf(kind);
  builder.query<{ id: string }>({
    name: kind.singular,
    returns: () => types.record,
    nullable: true,
    args: defineArgsType(`${kind.name}Arguments`, { id: { type: () => ID, description: 'Which one.' } }),
    description: `One ${kind.name} record, or null when there is no such one.`,
    extensions: { rule: 'reader', statements: 1, idOf: kind.name },
    resolve: (_source, { id }, ctx) => {
      const uuid = parseTypeId(kind.idPrefix, id);
      return uuid === undefined ? null : reader.byId(ctx, kind, uuid);
    },
  });
  builder.query<ListArguments>({
    name: kind.plural,
    returns: () => types.connection,
    args: types.listArguments,
    description: `${kind.name} records, filtered and ordered, a page at a time.`,
    extensions: { rule: 'reader', statements: 1, connection: CONNECTION },
    resolve: (_source, args, ctx, info) => reader.page(ctx, kind, args, info),
  });
}

function addMutations({ kinds, writer, typesOf }: KindResolverDeps, kind: Kind, builder: ResolverBuilder): void {
  const { name, singular, plural, writeRole } = kind;
  const types = typesOf(kind);
  const many = capitalise(plural);
  const mutations = createKindMutations(kinds, kind, writer);
  const inputOf = (operation: string, type: ClassType): ClassType =>
    defineArgsType(`${operation}Arguments`, { input: { type: () => type, description: 'What to do.' } });
  const byId = (operation: string, description: string): ClassType =>
    defineInputType(
      `${operation}Input`,
      { id: { type: () => ID, description: 'Which record.', extensions: { idOf: name } } },
      description,
    );
  const add = (
    operation: string,
    input: ClassType,
    returns: ClassType,
    description: string,
    resolve: ReturnType<typeof createKindMutations>[keyof ReturnType<typeof createKindMutations>],
    rule = writeRole,
  ): void =>
    builder.mutation<{ input: never }>({
      name: operation,
      returns: () => returns,
      args: inputOf(capitalise(operation), input),
      description,
      extensions: { rule },
      resolve: (_source, { input: given }, ctx) => resolve(ctx, given),
    });

  add(`create${name}`, types.createInput, types.payload, `Makes one ${name} record.`, mutations.create);
  add(`create${many}`, types.createManyInput, types.manyPayload, `Makes up to 500 ${name} records: all, or none.`, mutations.createMany);
  add(`update${name}`, types.updateInput, types.payload, `Changes one ${name} record.`, mutations.update);
  add(`update${many}`, types.updateManyInput, types.manyPayload, `Changes up to 500 ${name} records: all, or none.`, mutations.updateMany);
  add(`upsert${name}`, types.upsertInput, types.payload, `Makes a ${name} record, or changes the one with the external id.`, mutations.upsert);
  add(`delete${name}`, byId(`Delete${name}`, `A ${name} record to delete.`), types.payload, `Deletes one ${name} record; restore${name} undoes it.`, mutations.delete);
  add(
    `delete${many}`,
    defineInputType(
      `Delete${many}Input`,
      { ids: { type: () => [ID], description: 'Which records.', extensions: { idOf: name } } },
      `${name} records to delete.`,
    ),
    types.manyPayload,
    `Deletes up to 500 ${name} records: all, or none.`,
    mutations.deleteMany,
  );
  add(`restore${name}`, byId(`Restore${name}`, `A deleted ${name} record.`), types.payload, `Undoes the deletion of a ${name} record.`, mutations.restore);
  add(
    `purge${name}`,
    byId(`Purge${name}`, `A ${name} record to remove for good.`),
    defineObjectType(
      `Purge${name}Payload`,
      {
        [`purged${name}Id`]: { type: () => ID, nullable: true, description: 'Id of the record that is gone.' },
        userErrors: { type: () => [UserError], description: 'What to mend; when there is anything, nothing was changed.' },
      },
      { description: `What became of a ${name} record to remove.` },
    ),
    `Removes a ${name} record for good. ${singular === 'user' ? 'A user' : 'What'} others refer to stays.`,
    mutations.purge,
    'admin',
  );
}

function addValueResolvers(resolvers: ResolverMap, kind: Kind): void {
  const values = (resolvers[kind.name] ??= {});
  values['id'] = (row: KindRow) => toTypeId(kind.idPrefix, row.id);
  for (const [name, field] of Object.entries(kind.fields)) {
    if (field.type !== 'money') continue;
    values[name] = (row: KindRow) =>
      row[name] === null ? null : { amount: row[name], currencyCode: row[`${name}Currency`] };
  }
}

function addConnectionResolvers(resolvers: ResolverMap, kind: Kind): void {
  resolvers[`${kind.name}Connection`] = {
    nodes: (page: Page) => page.rows,
    edges: (page: Page) => page.rows.map((node) => ({ node, page })),
    pageInfo: (page: Page) => page,
    totalCount: (page: Page) => page.totalCount(),
  };
  resolvers[`${kind.name}Edge`] = {
    cursor: ({ node, page }: { node: KindRow; page: Page }) => page.cursorOf(node),
  };
  resolvers['PageInfo'] = {
    startCursor: ({ rows: [first], cursorOf }: Page) => (first === undefined ? null : cursorOf(first)),
    endCursor: ({ rows, cursorOf }: Page) => {
      const last = rows.at(-1);
      return last === undefined ? null : cursorOf(last);
    },
  };
}
