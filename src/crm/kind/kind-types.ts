/** The GraphQL types of all kinds, as their definitions imply them. */
import { ID } from 'type-graphql';
import type { TypeReference } from '../../graphql/define-type';
import { defineFilterTypes } from '../../graphql/filter-types';
import { defineFieldTypes } from './types/field-types';
import type { Kind, KindSet } from './kind';
import { defineListTypes, type ListTypes } from './types/list-types';
import { createOrderings } from './read/ordering';
import { defineRecordTypes, type RecordTypes } from './types/record-types';
import { defineWriteTypes, type WriteTypes } from './types/write-types';
import type { TypeScope } from './types/type-scope';

export interface KindTypes extends RecordTypes, ListTypes, WriteTypes {
  /** What a field of the kind takes in an input. @throws Error when the kind has no such field */
  readonly inputOf: (fieldName: string) => TypeReference;
}

/** @returns the types of a kind that is in the set. */
export function defineKindTypes(kinds: KindSet): (kind: Kind) => KindTypes {
  const made = new Map<string, KindTypes>();
  const typesOf = (name: string): KindTypes => {
    const found = made.get(name);
    if (found === undefined) throw new Error(`There are no types of ${name}.`);
    return found;
  };
  const filters = defineFilterTypes(ID);
  const scope: TypeScope = {
    kinds,
    filters,
    fields: defineFieldTypes(kinds, filters),
    orderings: createOrderings(kinds),
    filterOf: (name) => typesOf(name).filter,
    listFilterOf: (name) => typesOf(name).listFilter,
  };
  for (const kind of kinds.kinds) {
    const record = defineRecordTypes(scope, kind);
    made.set(kind.name, {
      ...record,
      ...defineListTypes(scope, kind),
      ...defineWriteTypes(scope, kind, record.record),
      inputOf(fieldName) {
        const field = kind.fields[fieldName];
        if (field === undefined) throw new Error(`${kind.name} has no field "${fieldName}".`);
        return scope.fields.inputOf(field);
      },
    });
  }
  return (kind) => typesOf(kind.name);
}
