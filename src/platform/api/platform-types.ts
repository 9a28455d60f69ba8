/** The GraphQL types of all records, made once for the process. */
import 'reflect-metadata';
import { Float, ID, registerEnumType } from 'type-graphql';
import { defineInputType, type TypeReference } from '../../graphql/define-type';
import { defineFilterTypes } from '../../graphql/filter-types';
import type { PlatformField } from './records/platform-record';
import type { RecordSet } from './records/record-set';
import { defineRecordTypes, type RecordTypes } from './records/record-types';

export interface PlatformTypes {
  /** By the record's GraphQL name. */
  typesOf(name: string): RecordTypes;
  /** The enum of a field, for inputs that take one of its values. */
  enumOf(field: Pick<PlatformField, 'type'>): TypeReference;
}

export function definePlatformTypes(set: RecordSet): PlatformTypes {
  const filters = defineFilterTypes(ID);
  const comparison = (description: string) => ({ type: () => Float, nullable: true, description });
  const float = defineInputType(
    'FloatFilter',
    {
      eq: comparison('Equal to.'),
      gt: comparison('Greater than.'),
      gte: comparison('Greater than or equal to.'),
      lt: comparison('Less than.'),
      lte: comparison('Less than or equal to.'),
    },
    'Compares counts.',
  );
  const enums = new Map<string, TypeReference>();
  const enumOf = ({ type }: Pick<PlatformField, 'type'>): TypeReference => {
    if (typeof type !== 'object') throw new Error('Expected the field of an enumeration.');
    const known = enums.get(type.enumeration);
    if (known !== undefined) return known;
    const made = Object.fromEntries(
      Object.keys(type.values).map((value) => [value.toUpperCase(), value]),
    );
    registerEnumType(made, {
      name: type.enumeration,
      description: `${type.enumeration.replace(/(?<=[a-z])[A-Z]/g, (capital) => ` ${capital.toLowerCase()}`)}.`,
      valuesConfig: Object.fromEntries(
        Object.entries(type.values).map(([value, description]) => [
          value.toUpperCase(),
          { description },
        ]),
      ),
    });
    enums.set(type.enumeration, made);
    return made;
  };
  const scope = { ...filters, float, enumOf };
  const types = new Map(
    set.records.map((record) => [record.name, defineRecordTypes(scope, record)] as const),
  );
  return {
    enumOf,
    typesOf(name) {
      const found = types.get(name);
      if (found === undefined) throw new Error(`There is no record "${name}".`);
      return found;
    },
  };
}
