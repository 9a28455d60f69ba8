/** Relay's `node` and `nodes`: any record by its id alone; the id's prefix says which kind. */
import { ID, type ClassType } from 'type-graphql';
import { badUserInput } from '../../errors';
import { parseTypeId } from '../../lib/type-id';
import { defineArgsType } from '../../graphql/define-type';
import { defineResolver, type ResolverMap } from '../../graphql/define-resolver';
import { Node } from '../../graphql/node.type';
import { MAX_PAGE_SIZE } from '../../graphql/pages';
import type { RequestContext } from '../../request/context';
import type { KindSet } from '../kind/kind';
import type { KindReader } from '../kind/kind-reader';

export function defineNodeResolver(
  kinds: KindSet,
  reader: KindReader,
  resolvers: ResolverMap,
): ClassType {
  const byPrefix = new Map(kinds.kinds.map((kind) => [kind.idPrefix, kind]));

  async function find(ctx: RequestContext, id: string): Promise<object | null> {
    const prefix = id.slice(0, id.lastIndexOf('_'));
    const kind = byPrefix.get(prefix);
    const uuid = kind === undefined ? undefined : parseTypeId(prefix, id);
    if (kind === undefined || uuid === undefined) return null;
    const row = await reader.byId(ctx, kind, uuid);
    return row === null ? null : { ...row, __typename: kind.name };
  }

  const type = Node as unknown as ClassType;
  return defineResolver({ type, name: 'Node' }, resolvers, (builder) => {
    builder.query<{ id: string }>({
      name: 'node',
      returns: () => type,
      nullable: true,
      args: defineArgsType('NodeArguments', {
        id: { type: () => ID, description: 'Which record.' },
      }),
      description: 'The record with the id, or null when there is no such one.',
      extensions: { rule: 'reader', statements: 1, idOf: 'Node' },
      resolve: (_source, { id }, ctx) => find(ctx, id),
    });
    builder.query<{ ids: string[] }>({
      name: 'nodes',
      returns: () => [type],
      nullable: 'items',
      args: defineArgsType('NodesArguments', {
        ids: { type: () => [ID], description: 'Which records.' },
      }),
      description: 'The records with the ids, in their order, null for each that there is not.',
      // One statement for each kind among the ids, so that they share one view.
      extensions: { rule: 'reader', statements: 2, idOf: 'Node' },
      resolve: (_source, { ids }, ctx) => {
        if (ids.length > MAX_PAGE_SIZE) {
          throw badUserInput(`Expected at most ${MAX_PAGE_SIZE} ids, but got ${ids.length}.`);
        }
        return Promise.all(ids.map((id) => find(ctx, id)));
      },
    });
  });
}
