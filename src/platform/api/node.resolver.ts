import { ID, type ClassType } from 'type-graphql';
import { defineArgsType } from '../../graphql/define-type';
import { defineResolver } from '../../graphql/define-resolver';
import type { PlatformContext } from './platform-context';
import { PlatformNode } from './platform-node.type';
import { parseRecordId } from './records/record-ids';
import type { SchemaParts } from './schema-parts';

/** `node(id)`: the record of whichever kind its id's prefix names. */
export function defineNodeResolver({ set, reader, resolvers }: SchemaParts): ClassType {
  return defineResolver<PlatformContext>(
    { type: PlatformNode as unknown as ClassType, name: 'Node' },
    resolvers,
    (builder) => {
      builder.query<{ id: string }>({
        name: 'node',
        returns: () => PlatformNode,
        nullable: true,
        args: defineArgsType('NodeArguments', {
          id: { type: () => ID, description: 'Which record.' },
        }),
        description: 'The record with this id, or null when there is none.',
        extensions: { rule: 'viewer', statements: 1 },
        resolve: (_source, { id }, context) => {
          for (const record of set.records) {
            const key = parseRecordId(record, id);
            if (key !== undefined) return reader.byId(context, record, key);
          }
          return null;
        },
      });
    },
  );
}
