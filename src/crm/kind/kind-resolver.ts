/** The resolvers of a kind: root fields, relations, and the values whose form differs from the row's. */
import { ID, type ClassType } from 'type-graphql';
import type { Role } from '../../auth/principal';
import { defineArgsType } from '../../graphql/define-type';
import {
  defineResolver,
  type ResolverBuilder,
  type ResolverMap,
} from '../../graphql/define-resolver';
import { finishOf } from '../../graphql/finished-field';
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from '../../graphql/pages';
import { parseTypeId, toTypeId } from '../../lib/type-id';
import type { Kind, KindRow, KindSet } from './kind';
import { createKindMutations, MAX_RECORDS } from './kind-mutations';
import type { FinishedFields } from './finish/finish-fields';
import type { KindReader, Page } from './kind-reader';
import type { KindTypes } from './kind-types';
import type { KindWriter } from './kind-writer';
import type { ListArguments } from './read/page-plan';
import { capitalise, wordingOf } from './wording';

const CONNECTION = { defaultFirst: DEFAULT_PAGE_SIZE, maxFirst: MAX_PAGE_SIZE } as const;

export interface KindResolverDeps {
  readonly kinds: KindSet;
  readonly reader: KindReader;
  readonly finished: FinishedFields;
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

function addRelations(
  { kinds, reader, typesOf }: KindResolverDeps,
  kind: Kind,
  builder: ResolverBuilder,
): void {
  for (const parent of kind.parents) {
    const parentKind = kinds.get(parent.kind);
    builder.field<KindRow, object>({
      name: parent.name,
      returns: () => typesOf(parentKind).record,
      nullable: true,
      description: parent.description,
      extensions: { statements: 1 },
      resolve: (row, _args, ctx, info) => {
        const id = row[parent.idField];
        return typeof id === 'string' ? reader.byId(ctx, parentKind, id, info) : null;
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

function addQueries(
  { reader, finished, typesOf }: KindResolverDeps,
  kind: Kind,
  builder: ResolverBuilder,
): void {
  const types = typesOf(kind);
  const { one, aOne, many } = wordingOf(kind);
  builder.query<{ id: string }>({
    name: kind.singular,
    returns: () => types.record,
    nullable: true,
    args: defineArgsType(`${kind.name}Arguments`, {
      id: { type: () => ID, description: `Which ${one}.` },
    }),
    description: `${capitalise(aOne)} by its id, or null when there is no such one.`,
    extensions: {
      rule: 'reader',
      statements: 1,
      idOf: kind.name,
      finish: finished.byId(kind),
    },
    resolve: (_source, { id }, ctx, info) => {
      const finish = finishOf<{ id: string }>(info);
      if (finish !== undefined) return finish({ id }, ctx, info.variableValues);
      const uuid = parseTypeId(kind.idPrefix, id);
      return uuid === undefined ? null : reader.byId(ctx, kind, uuid, info);
    },
  });
  builder.query<ListArguments>({
    name: kind.plural,
    returns: () => types.connection,
    args: types.listArguments,
    description: `${capitalise(many)}, filtered and ordered, a page at a time.`,
    extensions: {
      rule: 'reader',
      statements: 1,
      connection: CONNECTION,
      finish: finished.page(kind),
    },
    resolve: (_source, args, ctx, info) =>
      finishOf<ListArguments>(info)?.(args, ctx, info.variableValues) ??
      reader.page(ctx, kind, args, info),
  });
}

type Mutation = ReturnType<typeof createKindMutations>[keyof ReturnType<
  typeof createKindMutations
>];

/** A mutation of a kind: name, type of the input, type of the answer, description, what it does. */
type MutationRow = readonly [string, ClassType, ClassType, string, Mutation, Role?];

function addMutations(deps: KindResolverDeps, kind: Kind, builder: ResolverBuilder): void {
  for (const [name, input, returns, description, resolve, rule] of mutationsOf(deps, kind)) {
    builder.mutation<{ input: never }>({
      name,
      returns: () => returns,
      args: defineArgsType(`${capitalise(name)}Arguments`, {
        input: { type: () => input, description: 'What to do.' },
      }),
      description,
      extensions: { rule: rule ?? kind.writeRole, takesIdempotencyKey: true },
      resolve: (_source, { input: given }, ctx) => resolve(ctx, given),
    });
  }
}

function mutationsOf({ kinds, writer, typesOf }: KindResolverDeps, kind: Kind): MutationRow[] {
  const { name, plural } = kind;
  const Plural = capitalise(plural);
  const { one, aOne, many } = wordingOf(kind);
  const run = createKindMutations(kinds, kind, writer);
  const { payload, manyPayload, purgePayload, byIdInput, ...inputs } = typesOf(kind);
  const upTo = `up to ${MAX_RECORDS} ${many}: all, or none.`;
  return [
    [`create${name}`, inputs.createInput, payload, `Creates ${aOne}.`, run.create],
    [`create${Plural}`, inputs.createManyInput, manyPayload, `Creates ${upTo}`, run.createMany],
    [`update${name}`, inputs.updateInput, payload, `Changes ${aOne}.`, run.update],
    [`update${Plural}`, inputs.updateManyInput, manyPayload, `Changes ${upTo}`, run.updateMany],
    [
      `upsert${name}`,
      inputs.upsertInput,
      payload,
      `Creates ${aOne}, or changes the one with the external id.`,
      run.upsert,
    ],
    [
      `delete${name}`,
      byIdInput('Delete', `${capitalise(aOne)} to delete.`),
      payload,
      `Deletes ${aOne} and what is a part of it; restore${name} undoes it.`,
      run.delete,
    ],
    [`delete${Plural}`, inputs.deleteManyInput, manyPayload, `Deletes ${upTo}`, run.deleteMany],
    [
      `restore${name}`,
      byIdInput('Restore', `A deleted ${one}.`),
      payload,
      `Undoes the deletion of ${aOne} and of the parts deleted with it.`,
      run.restore,
    ],
    [
      `purge${name}`,
      byIdInput('Purge', `${capitalise(aOne)} to remove for good.`),
      purgePayload,
      `Removes ${aOne} and its parts for good, deleted or not. Refused while other records refer to it.`,
      run.purge,
      'admin',
    ],
  ];
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
}

/** The cursors at a page's ends, the same for all kinds. */
export function addPageInfoResolvers(resolvers: ResolverMap): void {
  resolvers['PageInfo'] = {
    startCursor: ({ rows: [first], cursorOf }: Page) =>
      first === undefined ? null : cursorOf(first),
    endCursor: ({ rows, cursorOf }: Page) => {
      const last = rows.at(-1);
      return last === undefined ? null : cursorOf(last);
    },
  };
}
