/** The GraphQL types of a record: itself, a page of a list of it, and how a list is asked for. */
import { Float, ID, Int, registerEnumType, type ClassType } from 'type-graphql';

import { defineConnectionType, PAGE_ARGUMENTS } from '../../../graphql/connection-types';
import {
  defineArgsType,
  defineInputType,
  defineObjectType,
  type FieldDeclaration,
  type TypeReference,
} from '../../../graphql/define-type';
import type { FilterTypes } from '../../../graphql/filter-types';
import { DateTimeScalar, JsonScalar } from '../../../graphql/scalars';
import { OrderDirection } from '../../../graphql/value-types';
import { PlatformNode } from '../platform-node.type';
import type { PlatformField, PlatformRecord } from './platform-record';

export interface RecordTypes {
  readonly record: ClassType;
  readonly connection: ClassType;
  readonly listArguments: ClassType;
}

export type RecordTypeScope = Pick<
  FilterTypes,
  'string' | 'id' | 'integer' | 'boolean' | 'dateTime'
> & {
  readonly float: ClassType;
  readonly enumeration: (name: string, type: TypeReference) => ClassType;
  /** The enum object of an enumeration, made once for each. */
  readonly enumOf: (field: PlatformField) => TypeReference;
};

export function defineRecordTypes(scope: RecordTypeScope, record: PlatformRecord): RecordTypes {
  const { name, one, many, description } = record;
  const type = defineObjectType(
    name,
    {
      id: { type: () => ID, description: 'Globally unique id; its prefix names the type.' },
      ...mapValues(record.fields, (field) => outputOf(scope, field)),
    },
    { description, implements: PlatformNode },
  );
  const connection = defineConnectionType({
    name,
    record: type,
    one,
    many,
    capitalOne: `The ${one}`,
  });
  return { record: type, connection, listArguments: defineListArguments(scope, record) };
}

const optional = (type: () => TypeReference, description: string): FieldDeclaration => ({
  type,
  nullable: true,
  description,
});

function outputOf(scope: RecordTypeScope, field: PlatformField): FieldDeclaration {
  const { type, description, nullable = false } = field;
  const types = {
    text: String,
    textList: [String],
    integer: Int,
    bigInteger: Float,
    boolean: Boolean,
    dateTime: DateTimeScalar,
    json: JsonScalar,
    recordId: ID,
  } as const;
  const output = typeof type === 'object' ? scope.enumOf(field) : types[type];
  return { type: () => output, nullable, description };
}

function filterOf(scope: RecordTypeScope, field: PlatformField): ClassType | undefined {
  const { type, filter = true } = field;
  if (!filter || type === 'json' || type === 'textList') return undefined;
  if (typeof type === 'object') return scope.enumeration(type.enumeration, scope.enumOf(field));
  const types = {
    text: scope.string,
    integer: scope.integer,
    bigInteger: scope.float,
    boolean: scope.boolean,
    dateTime: scope.dateTime,
    recordId: scope.id,
  } as const;
  return types[type];
}

function defineListArguments(scope: RecordTypeScope, record: PlatformRecord): ClassType {
  const { name, many, fields, references = {}, defaultOrder } = record;
  const filters = Object.entries(fields).flatMap(([field, spec]) => {
    const type = filterOf(scope, spec);
    return type === undefined ? [] : [[field, optional(() => type, spec.description)] as const];
  });
  const filter = defineInputType(
    `${name}Filter`,
    {
      id: optional(() => scope.id, 'By id.'),
      ...Object.fromEntries(filters),
      ...Object.fromEntries(
        Object.entries(references).map(([reference, { description }]) => [
          `${reference}Id`,
          optional(() => scope.id, `${description} By id.`),
        ]),
      ),
    },
    `Chooses ${many}: all that is given must match.`,
  );
  const order = defineOrder(record);
  return defineArgsType(`${name}ListArguments`, {
    ...PAGE_ARGUMENTS,
    filter: optional(() => filter, `Which ${many}.`),
    orderBy: optional(
      () => order,
      `In which order (default: ${defaultOrder.field}, ${defaultOrder.direction === 'asc' ? 'least' : 'greatest'} first).`,
    ),
  });
}

function defineOrder({ name, many, fields }: PlatformRecord): ClassType {
  const orderable = Object.entries(fields).filter(([, { order = false }]) => order);
  const key = (field: string): string =>
    field.replace(/[A-Z]/g, (capital) => `_${capital}`).toUpperCase();
  const field = Object.fromEntries(orderable.map(([each]) => [key(each), each]));
  registerEnumType(field, {
    name: `${name}OrderField`,
    description: `What ${many} can be ordered by.`,
    valuesConfig: Object.fromEntries(
      orderable.map(([each, { description }]) => [key(each), { description }]),
    ),
  });
  return defineInputType(
    `${name}Order`,
    {
      field: { type: () => field, description: 'What to order by.' },
      direction: { type: () => OrderDirection, description: 'Which way.' },
    },
    `An ordering of ${many}.`,
  );
}

const mapValues = <V, W>(given: Readonly<Record<string, V>>, map: (value: V) => W) =>
  Object.fromEntries(Object.entries(given).map(([name, value]) => [name, map(value)] as const));
