/** Fields of records in few words. A field is named for its column unless it says otherwise. */
import type { PlatformField, PlatformFieldType } from './platform-record';

type Options = Partial<Pick<PlatformField, 'sql' | 'nullable' | 'filter' | 'order'>>;
/** A field whose column follows from its name. */
export type FieldDraft = Omit<PlatformField, 'sql'> & Options;

const draft =
  (type: PlatformFieldType) =>
  (description: string, options: Options = {}): FieldDraft => ({ type, description, ...options });

export const text = draft('text');
export const textList = draft('textList');
export const integer = draft('integer');
export const bigInteger = draft('bigInteger');
export const boolean = draft('boolean');
export const dateTime = draft('dateTime');
export const json = draft('json');
export const recordId = draft('recordId');

/** @param values descriptions by the values in the database */
export const oneOf = (
  enumeration: string,
  values: Readonly<Record<string, string>>,
  description: string,
  options: Options = {},
): FieldDraft => ({ type: { enumeration, values }, description, ...options });

const columnOf = (field: string): string =>
  `r.${field.replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`)}`;

export const fieldsOf = (
  drafts: Readonly<Record<string, FieldDraft>>,
): Readonly<Record<string, PlatformField>> =>
  Object.fromEntries(
    Object.entries(drafts).map(([name, field]) => [
      name,
      { ...field, sql: field.sql ?? columnOf(name) },
    ]),
  );

export const createdAt = dateTime('When it was made.', { order: true });
export const updatedAt = dateTime('When it was last changed.', { order: true });
