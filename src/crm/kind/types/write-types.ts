/** What a kind's mutations take and answer with. */
import { ID, Int, type ClassType } from 'type-graphql';
import {
  defineInputType,
  defineObjectType,
  type FieldDeclaration,
  type FieldDeclarations,
} from '../../../graphql/define-type';
import { UserError } from '../../../graphql/user-errors';
import { optional } from './field-types';
import { isWritable } from '../fields';
import type { Kind } from '../kind';
import { capitalise, wordingOf } from '../wording';
import type { TypeScope } from './type-scope';

export interface WriteTypes {
  readonly createInput: ClassType;
  readonly createManyInput: ClassType;
  readonly updateInput: ClassType;
  readonly updateManyInput: ClassType;
  readonly upsertInput: ClassType;
  /** Of deletion, restoring and removal for good: which record. */
  readonly byIdInput: (operation: string, description: string) => ClassType;
  readonly deleteManyInput: ClassType;
  readonly payload: ClassType;
  readonly manyPayload: ClassType;
  readonly purgePayload: ClassType;
}

export function defineWriteTypes(scope: TypeScope, kind: Kind, record: ClassType): WriteTypes {
  return { ...defineInputs(scope, kind), ...definePayloads(kind, record) };
}

/** The fields a client may set. */
function valuesOf({ fields }: TypeScope, kind: Kind, creating: boolean): FieldDeclarations {
  return {
    ...Object.fromEntries(
      Object.entries(kind.fields)
        .filter(([, field]) => isWritable(field))
        .map(([name, field]): [string, FieldDeclaration] => [
          name,
          {
            type: () => fields.inputOf(field),
            nullable: !(creating && field.required === true),
            description: field.description,
          },
        ]),
    ),
    ...Object.fromEntries(
      kind.parents.map((parent): [string, FieldDeclaration] => [
        parent.idField,
        {
          type: () => ID,
          nullable: !(creating && parent.required === true),
          description: parent.description,
          extensions: { idOf: parent.kind },
        },
      ]),
    ),
  };
}

function defineInputs(scope: TypeScope, kind: Kind) {
  const { name, plural } = kind;
  const { one, aOne, many } = wordingOf(kind);
  const Many = capitalise(plural);
  const idIn = { description: `Id of the ${one} in another system.` };
  const several = (type: ClassType): FieldDeclarations => ({
    [plural]: { type: () => [type], description: `The ${many}: all are written, or none.` },
  });
  const createInput = defineInputType(
    `Create${name}Input`,
    { ...valuesOf(scope, kind, true), externalId: optional(() => String, idIn.description) },
    `A new ${one}.`,
  );
  const updateInput = defineInputType(
    `Update${name}Input`,
    {
      id: { type: () => ID, description: `Which ${one}.`, extensions: { idOf: name } },
      version: { type: () => Int, description: 'The version the change is based on.' },
      ...valuesOf(scope, kind, false),
      externalId: optional(() => String, idIn.description),
    },
    `Changes to ${aOne}: what is left out stays, null clears.`,
  );
  return {
    createInput,
    createManyInput: defineInputType(`Create${Many}Input`, several(createInput), `New ${many}.`),
    updateInput,
    updateManyInput: defineInputType(
      `Update${Many}Input`,
      several(updateInput),
      `Changes to ${many}.`,
    ),
    upsertInput: defineInputType(
      `Upsert${name}Input`,
      { externalId: { type: () => String, ...idIn }, ...valuesOf(scope, kind, true) },
      `${capitalise(aOne)} that may be there already, told by its external id; what is left out stays then.`,
    ),
    byIdInput: (operation: string, description: string) =>
      defineInputType(
        `${operation}${name}Input`,
        { id: { type: () => ID, description: `Which ${one}.`, extensions: { idOf: name } } },
        description,
      ),
    deleteManyInput: defineInputType(
      `Delete${Many}Input`,
      { ids: { type: () => [ID], description: `Which ${many}.`, extensions: { idOf: name } } },
      `${capitalise(many)} to delete.`,
    ),
  };
}

function definePayloads(kind: Kind, record: ClassType) {
  const { name, singular, plural } = kind;
  const { one, aOne, many } = wordingOf(kind);
  const userErrors: FieldDeclaration = {
    type: () => [UserError],
    description: 'What to mend; when there is anything, nothing was changed.',
  };
  return {
    payload: defineObjectType(
      `${name}Payload`,
      {
        [singular]: {
          type: () => record,
          nullable: true,
          description: `The ${one} as it is now, null when there are user errors.`,
        },
        userErrors,
      },
      { description: `What became of a change to ${aOne}.` },
    ),
    manyPayload: defineObjectType(
      `${capitalise(plural)}Payload`,
      {
        [plural]: {
          type: () => [record],
          nullable: true,
          description: `The ${many} as they are now, null when there are user errors.`,
        },
        userErrors,
      },
      { description: `What became of changes to ${many}.` },
    ),
    purgePayload: defineObjectType(
      `Purge${name}Payload`,
      {
        [`purged${name}Id`]: {
          type: () => ID,
          nullable: true,
          description: `Id of the ${one} that is gone, null when there are user errors.`,
        },
        userErrors,
      },
      { description: `What became of ${aOne} to remove for good.` },
    ),
  };
}
