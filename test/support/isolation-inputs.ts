/**
 * Valid values for any input of the schema, so that generated tests call every mutation without
 * knowing one by name. A kind that is added later is called the same way.
 */
import {
  getNamedType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isRequiredInputField,
  type GraphQLInputField,
  type GraphQLInputType,
} from 'graphql';
import { extensionsOf } from '../../src/graphql/extensions';

/** What a sample is made of: whose words it carries and which records it refers to. */
export interface SampleSource {
  /** A new text for a field of that name. */
  text(field: string): string;
  email(): string;
  phone(): string;
  url(): string;
  /** A record of the kind; undefined leaves an optional reference out. */
  recordId(kind: string, field: string): string | undefined;
  /** Another one, for what stands beside it in a list. */
  siblingId?(kind: string): string | undefined;
}

export interface SampleOptions {
  /** Fill in optional texts and references as well, beside what is required. */
  readonly full?: boolean;
  /** The kind whose id an ID stands for, inherited from the field around it. */
  readonly idOf?: string | undefined;
}

/** Numbers and moments that every rule of the kinds accepts. */
const PLAIN_SAMPLES: Readonly<Record<string, unknown>> = {
  Int: 1,
  Float: 1,
  Boolean: false,
  Decimal: '1',
  Date: '2030-01-02',
  DateTime: '2030-01-02T10:00:00.000Z',
  CurrencyCode: 'EUR',
};

const TEXT_SCALARS: ReadonlySet<string> = new Set([
  'String',
  'ID',
  'EmailAddress',
  'PhoneNumber',
  'URL',
  'JSON',
]);

/** @returns undefined where an optional reference has no record to point at. */
export function sampleOf(
  type: GraphQLInputType,
  name: string,
  source: SampleSource,
  options: SampleOptions = {},
): unknown {
  if (isNonNullType(type)) return sampleOf(type.ofType, name, source, options);
  if (isListType(type)) {
    const item = sampleOf(type.ofType, name, source, options);
    return item === undefined ? [] : [item];
  }
  if (isEnumType(type)) return type.getValues()[0]?.name;
  if (isInputObjectType(type)) {
    const entries = Object.values(type.getFields()).flatMap((field) => {
      const wanted = isRequiredInputField(field) || (options.full === true && bearsText(field));
      if (!wanted) return [];
      const value = sampleOf(field.type, field.name, source, {
        ...options,
        ...idOfField(field, options),
      });
      return value === undefined ? [] : [[field.name, value] as const];
    });
    return Object.fromEntries(entries);
  }
  switch (type.name) {
    case 'ID':
      if (options.idOf === undefined)
        throw new Error(`The input "${name}" takes an id, but does not say of which kind.`);
      return source.recordId(options.idOf, name);
    case 'String':
      return source.text(name);
    case 'EmailAddress':
      return source.email();
    case 'PhoneNumber':
      return source.phone();
    case 'URL':
      return source.url();
    case 'JSON':
      return [{ text: source.text(name) }];
  }
  const plain = PLAIN_SAMPLES[type.name];
  if (plain === undefined)
    throw new Error(
      `Expected a sample of the scalar ${type.name}: add one to isolation-inputs.ts.`,
    );
  return plain;
}

const idOfField = (field: GraphQLInputField, { idOf }: SampleOptions): SampleOptions => ({
  idOf: extensionsOf(field).idOf ?? idOf,
});

/** Whether the field holds text or refers to a record; objects count when their fields do. */
function bearsText(field: GraphQLInputField): boolean {
  const named = getNamedType(field.type);
  if (!isInputObjectType(named)) return TEXT_SCALARS.has(named.name);
  return Object.values(named.getFields()).every((part) =>
    TEXT_SCALARS.has(getNamedType(part.type).name),
  );
}
