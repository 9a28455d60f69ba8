/** What a kind's records are shown as: the record, and a page of records. */
import { ID, Int, type ClassType } from 'type-graphql';
import { defineConnectionType } from '../../../graphql/connection-types';
import { defineObjectType, type FieldDeclaration } from '../../../graphql/define-type';
import { Node } from '../../../graphql/node.type';
import { DateTimeScalar } from '../../../graphql/scalars';
import { isNotNull } from '../fields';
import type { Kind } from '../kind';
import { capitalise, wordingOf } from '../wording';
import type { TypeScope } from './type-scope';

export interface RecordTypes {
  readonly record: ClassType;
  readonly connection: ClassType;
}

export function defineRecordTypes({ fields }: TypeScope, kind: Kind): RecordTypes {
  const { name } = kind;
  const { one, aOne, many } = wordingOf(kind);
  const record = defineObjectType(
    name,
    {
      id: { type: () => ID, description: 'Globally unique id; its prefix names the type.' },
      ...Object.fromEntries(
        Object.entries(kind.fields)
          .filter(([, field]) => field.inputOnly !== true)
          .map(([fieldName, field]): [string, FieldDeclaration] => [
            fieldName,
            {
              type: () => fields.outputOf(field),
              nullable: !isNotNull(field),
              description: field.description,
            },
          ]),
      ),
      externalId: {
        type: () => String,
        nullable: true,
        description: `Id of the ${one} in another system.`,
      },
      version: {
        type: () => Int,
        description: 'Counts the changes; an update states the one it is based on.',
      },
      createdAt: { type: () => DateTimeScalar, description: `When the ${one} was made.` },
      updatedAt: { type: () => DateTimeScalar, description: `When the ${one} was last changed.` },
      deletedAt: {
        type: () => DateTimeScalar,
        nullable: true,
        description: `When the ${one} was deleted; null while it is there.`,
      },
    },
    { description: kind.description, implements: Node },
  );
  const connection = defineConnectionType({
    name,
    record,
    one,
    many,
    capitalOne: capitalise(aOne),
  });
  return { record, connection };
}
