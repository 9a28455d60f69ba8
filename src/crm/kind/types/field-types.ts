/** The GraphQL type of a field: shown, given and filtered. */
import { Int, registerEnumType, type ClassType } from 'type-graphql';
import type { FieldDeclaration, TypeReference } from '../../../graphql/define-type';
import type { FilterTypes } from '../../../graphql/filter-types';
import {
  DateScalar,
  DateTimeScalar,
  DecimalScalar,
  EmailAddressScalar,
  JsonScalar,
  PhoneNumberScalar,
  UrlScalar,
} from '../../../graphql/scalars';
import { Address, AddressInput, Money, MoneyInput } from '../../../graphql/value-types';
import type { Field } from '../fields';
import type { KindSet } from '../kind';

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
  json: JsonScalar,
} as const satisfies Record<Exclude<Field['type'], 'enum'>, TypeReference>;

const INPUT_TYPES = { ...OUTPUT_TYPES, money: MoneyInput, address: AddressInput } as const;

export interface FieldTypes {
  outputOf(field: Field): TypeReference;
  inputOf(field: Field): TypeReference;
  filterOf(field: Field): ClassType;
}

/** Registers the enumerations of all kinds; two fields may share one by its name. */
export function defineFieldTypes({ kinds }: KindSet, filters: FilterTypes): FieldTypes {
  const enums = new Map<string, TypeReference>();
  for (const kind of kinds) {
    for (const { enumName, meanings, description } of Object.values(kind.fields)) {
      if (enumName === undefined || meanings === undefined || enums.has(enumName)) continue;
      const type = defineEnum(enumName, description, meanings);
      enums.set(enumName, type);
      // type-graphql must know every type before it builds: none may be made at first use.
      filters.enumeration(enumName, type);
    }
  }
  const enumOf = ({ enumName = '' }: Field): TypeReference => {
    const type = enums.get(enumName);
    if (type === undefined) throw new Error(`There is no enumeration "${enumName}".`);
    return type;
  };
  return {
    outputOf: (field) => (field.type === 'enum' ? enumOf(field) : OUTPUT_TYPES[field.type]),
    inputOf: (field) => (field.type === 'enum' ? enumOf(field) : INPUT_TYPES[field.type]),
    filterOf(field) {
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
    },
  };
}

function defineEnum(
  name: string,
  description: string,
  meanings: Readonly<Record<string, string>>,
): TypeReference {
  const values = Object.entries(meanings);
  const type = Object.fromEntries(values.map(([value]) => [value.toUpperCase(), value]));
  registerEnumType(type, {
    name,
    description,
    valuesConfig: Object.fromEntries(
      values.map(([value, meaning]) => [value.toUpperCase(), { description: meaning }]),
    ),
  });
  return type;
}

/** A field of an input that may be left out. @param idOf the kind whose ids it takes. */
export const optional = (
  type: () => TypeReference,
  description: string,
  idOf?: string,
): FieldDeclaration => ({
  type,
  nullable: true,
  description,
  ...(idOf === undefined ? {} : { extensions: { idOf } }),
});
