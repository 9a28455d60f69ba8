/** Fields of inputs and payloads in few words. */
import { ID, Int } from 'type-graphql';
import type { FieldDeclaration, TypeReference } from '../../../graphql/define-type';
import type { SchemaParts } from '../schema-parts';
import { parseRecordId } from '../records/record-ids';
import { uuidIn } from './user-faults';

export const required = (type: TypeReference, description: string): FieldDeclaration => ({
  type: () => type,
  description,
});

export const optional = (type: TypeReference, description: string): FieldDeclaration => ({
  type: () => type,
  nullable: true,
  description,
});

export const idOf = (what: string): FieldDeclaration => required(ID, `Which ${what}.`);
export const text = (description: string): FieldDeclaration => required(String, description);
export const optionalText = (description: string): FieldDeclaration =>
  optional(String, description);
export const optionalInt = (description: string): FieldDeclaration => optional(Int, description);

/** A field of a payload that shows a record as it is afterwards. */
export const recordField = (
  { typesOf }: Pick<SchemaParts, 'typesOf'>,
  name: string,
  description: string,
): FieldDeclaration => ({ type: () => typesOf(name).record, nullable: true, description });

/** The uuid in an id of the input. @throws UserFaults naming the field when it is none of this record. */
export function uuidOf(
  { set }: Pick<SchemaParts, 'set'>,
  name: string,
  field: string,
  id: string,
): string {
  const record = set.get(name);
  return uuidIn((given) => parseRecordId(record, given), field, id, record.one);
}
