/** The GraphQL types of a kind, as its definition implies them. */
import { ID, Int, registerEnumType, type ClassType } from 'type-graphql';
import {
  defineArgsType,
  defineInputType,
  defineObjectType,
  type FieldDeclaration,
  type FieldDeclarations,
  type TypeReference,
} from '../../graphql/define-type';
import { defineFilterTypes, type FilterTypes } from '../../graphql/filter-types';
import { Node } from '../../graphql/node.type';
import {
  DateScalar,
  DateTimeScalar,
  DecimalScalar,
  EmailAddressScalar,
  PhoneNumberScalar,
  UrlScalar,
} from '../../graphql/scalars';
import { UserError } from '../../graphql/user-errors';
import { Address, AddressInput, Money, MoneyInput, OrderDirection, PageInfo } from '../../graphql/value-types';
import { isNotNull, isWritable, type Field } from './fields';
import type { Kind, KindSet } from './kind';
import { orderablesOf } from './ordering';

export interface KindTypes {
  readonly record: ClassType;
  readonly connection: ClassType;
  readonly filter: ClassType;
  readonly listFilter: ClassType;
  readonly listArguments: ClassType;
  readonly createInput: ClassType;
  readonly createManyInput: ClassType;
  readonly updateInput: ClassType;
  readonly updateManyInput: ClassType;
  readonly upsertInput: ClassType;
  readonly payload: ClassType;
  readonly manyPayload: ClassType;
}

/** Makes the types of all kinds; they refer to each other lazily, so the order does not matter. */
export function defineKindTypes(kinds: KindSet): ReadonlyMap<string, KindTypes> {
  const types = new Map<string, KindTypes>();
  const filters = defineFilterTypes(ID);
  const enums = new Map<string, TypeReference>();
  for (const kind of kinds.kinds) {
    for (const field of Object.values(kind.fields)) registerFieldEnum(enums, filters, field);
  }
  const get = (name: string): KindTypes => {
    const found = types.get(name);
    if (found === undefined) throw new Error(`The types of ${name} are not made yet.`);
    return found;
  };
  for (const kind of kinds.kinds) types.set(kind.name, defineTypesOf(kinds, kind, filters, enums, get));
  return types;
}

function registerFieldEnum(
  enums: Map<string, TypeReference>,
  filters: FilterTypes,
  { enumName, values }: Field,
): void {
  if (enumName === undefined || values === undefined || enums.has(enumName)) return;
  const type = Object.fromEntries(values.map((value) => [value.toUpperCase(), value]));
  registerEnumType(type, {
    name: enumName,
    description: `Values of ${enumName}.`,
    valuesConfig: Object.fromEntries(
      values.map((value) => [value.toUpperCase(), { description: `${value.replaceAll('_', ' ')}.` }]),
    ),
  });
  enums.set(enumName, type);
  // type-graphql must know every type before it builds: none may be made at first use.
  filters.enumeration(enumName, type);
}

const OUTPUT_TYPES = {
  text: String,
  email: EmailAddressScalar,
  phone: PhoneNumberScalar,
  url: UrlScalar,
  integer: Int,
  decimal: DecimalScalar,
  boolean: Boolean,
  date: DateScalar,
  dateTime: DateTimeScalar,
  money: Money,
  address: Address,
} as const satisfies Record<Exclude<Field['type'], 'enum'>, TypeReference>;

const INPUT_TYPES = { ...OUTPUT_TYPES, money: MoneyInput, address: AddressInput } as const;

function defineTypesOf(
  kinds: KindSet,
  kind: Kind,
  filters: FilterTypes,
  enums: ReadonlyMap<string, TypeReference>,
  get: (name: string) => KindTypes,
): KindTypes {
  const fields = Object.entries(kind.fields);
  const enumOf = (field: Field): TypeReference => enums.get(field.enumName ?? '') ?? String;
  const outputOf = (field: Field) => (field.type === 'enum' ? enumOf(field) : OUTPUT_TYPES[field.type]);
  const inputOf = (field: Field) => (field.type === 'enum' ? enumOf(field) : INPUT_TYPES[field.type]);
  const { name, singular, plural } = kind;

  const record = defineObjectType(
    name,
    {
      id: { type: () => ID, description: 'Globally unique id.' },
      ...Object.fromEntries(
        fields
          .filter(([, field]) => field.inputOnly !== true)
          .map(([fieldName, field]): [string, FieldDeclaration] => [
            fieldName,
            { type: () => outputOf(field), nullable: !isNotNull(field), description: field.description },
          ]),
      ),
      externalId: { type: () => String, nullable: true, description: 'The record’s id in another system.' },
      version: { type: () => Int, description: 'Counts the changes; an update states the one it is based on.' },
      createdAt: { type: () => DateTimeScalar, description: 'When the record was made.' },
      updatedAt: { type: () => DateTimeScalar, description: 'When the record was last changed.' },
      deletedAt: { type: () => DateTimeScalar, nullable: true, description: 'When the record was deleted.' },
    },
    { description: kind.description, implements: Node },
  );

  const edge = defineObjectType(
    `${name}Edge`,
    {
      cursor: { type: () => String, description: 'Where the record stands in the list.' },
      node: { type: () => record, description: 'The record.' },
    },
    { description: `A place in a list of ${name} records (Relay).` },
  );

  const connection = defineObjectType(
    `${name}Connection`,
    {
      edges: { type: () => [edge], description: 'The page, with cursors.' },
      nodes: { type: () => [record], description: 'The page.' },
      pageInfo: { type: () => PageInfo, description: 'Where the page stands.' },
      totalCount: {
        type: () => Int,
        description: 'Number of records in the whole list; counted only when asked for.',
        extensions: { statements: 1 },
      },
    },
    { description: `A page of ${name} records (Relay).` },
  );

  const optional = (type: () => TypeReference, description: string, idOf?: string): FieldDeclaration => ({
    type,
    nullable: true,
    description,
    ...(idOf === undefined ? {} : { extensions: { idOf } }),
  });
  const filterOf = (field: Field): ClassType => {
    switch (field.type) {
      case 'text':
      case 'email':
      case 'phone':
      case 'url':
        return filters.string;
      case 'enum':
        return filters.enumeration(field.enumName ?? '', enumOf(field));
      default:
        return filters[field.type];
    }
  };
  const listFilter = defineInputType(
    `${name}ListFilter`,
    {
      some: optional(() => filter, 'At least one of the list matches.'),
      none: optional(() => filter, 'None of the list matches.'),
    },
    `Compares a list of ${name} records.`,
  );
  const filter: ClassType = defineInputType(
    `${name}Filter`,
    {
      and: optional(() => [filter], 'All of these match.'),
      or: optional(() => [filter], 'At least one of these matches.'),
      not: optional(() => filter, 'This does not match.'),
      id: optional(() => filters.id, 'By id.', name),
      ...Object.fromEntries(
        fields
          .filter(([, field]) => field.inputOnly !== true)
          .map(([fieldName, field]) => [fieldName, optional(() => filterOf(field), field.description)]),
      ),
      ...Object.fromEntries(
        kind.parents.flatMap((parent) => [
          [parent.idField, optional(() => filters.id, parent.description, parent.kind)],
          [parent.name, optional(() => get(parent.kind).filter, parent.description)],
        ]),
      ),
      ...Object.fromEntries(
        kinds
          .children(kind)
          .map((relation) => [
            relation.name,
            optional(() => get(relation.child.name).listFilter, relation.description),
          ]),
      ),
      externalId: optional(() => filters.string, 'The record’s id in another system.'),
      createdAt: optional(() => filters.dateTime, 'When the record was made.'),
      updatedAt: optional(() => filters.dateTime, 'When the record was last changed.'),
      deletedAt: optional(() => filters.dateTime, 'When the record was deleted.'),
    },
    `Chooses ${name} records; all that is given must match.`,
  );

  const orderField = Object.fromEntries([...orderablesOf(kinds, kind).keys()].map((key) => [key, key]));
  registerEnumType(orderField, {
    name: `${name}OrderField`,
    description: `What lists of ${name} records can be ordered by.`,
  });
  const order = defineInputType(
    `${name}Order`,
    {
      field: { type: () => orderField, description: 'What to order by.' },
      direction: { type: () => OrderDirection, description: 'Which way.' },
    },
    `An ordering of ${name} records.`,
  );

  const values = (creating: boolean): FieldDeclarations => ({
    ...Object.fromEntries(
      fields
        .filter(([, field]) => isWritable(field))
        .map(([fieldName, field]): [string, FieldDeclaration] => [
          fieldName,
          {
            type: () => inputOf(field),
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
  });
  const externalId = optional(() => String, 'The record’s id in another system.');
  const identified: FieldDeclarations = {
    id: { type: () => ID, description: 'The record to change.', extensions: { idOf: name } },
    version: { type: () => Int, description: 'The version the change is based on.' },
  };
  const createInput = defineInputType(
    `Create${name}Input`,
    { ...values(true), externalId },
    `A new ${name} record.`,
  );
  const updateInput = defineInputType(
    `Update${name}Input`,
    { ...identified, ...values(false), externalId },
    `Changes to a ${name} record: what is left out stays, null clears.`,
  );
  const many = (type: ClassType): FieldDeclarations => ({
    [plural]: { type: () => [type], description: 'The records: all are written, or none.' },
  });
  const userErrors: FieldDeclaration = {
    type: () => [UserError],
    description: 'What to mend; when there is anything, nothing was changed.',
  };

  return {
    record,
    connection,
    filter,
    listFilter,
    listArguments: defineArgsType(`${name}ListArguments`, {
      first: optional(() => Int, 'Size of the page, from the beginning or after a cursor (default 20, at most 100).'),
      after: optional(() => String, 'Cursor before the page.'),
      last: optional(() => Int, 'Size of the page, from the end or before a cursor (at most 100).'),
      before: optional(() => String, 'Cursor after the page.'),
      filter: optional(() => filter, 'Which records.'),
      orderBy: optional(() => [order], 'In which order (default: newest first).'),
      includeDeleted: optional(() => Boolean, 'Deleted records too.'),
    }),
    createInput,
    createManyInput: defineInputType(
      `Create${capitalise(plural)}Input`,
      many(createInput),
      `New ${name} records.`,
    ),
    updateInput,
    updateManyInput: defineInputType(
      `Update${capitalise(plural)}Input`,
      many(updateInput),
      `Changes to ${name} records.`,
    ),
    upsertInput: defineInputType(
      `Upsert${name}Input`,
      { externalId: { type: () => String, description: 'The record’s id in another system.' }, ...values(true) },
      `A ${name} record that may be there already, told by its external id.`,
    ),
    payload: defineObjectType(
      `${name}Payload`,
      {
        [singular]: { type: () => record, nullable: true, description: 'The record as it is now.' },
        userErrors,
      },
      { description: `What became of a ${name} record.` },
    ),
    manyPayload: defineObjectType(
      `${capitalise(plural)}Payload`,
      { [plural]: { type: () => [record], nullable: true, description: 'The records as they are now.' }, userErrors },
      { description: `What became of ${name} records.` },
    ),
  };
}

export const capitalise = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);
