import { badUserInput } from '../../errors';
import { parseTypeId, toTypeId } from '../../lib/type-id';

/** @throws BAD_USER_INPUT when the text is not an id of that kind of record. */
export function parseId(prefix: string, id: string): string {
  const uuid = parseTypeId(prefix, id);
  if (uuid === undefined) {
    throw badUserInput(`Expected an id of the form ${prefix}_…, as the API gave it.`);
  }
  return uuid;
}

export const formatId = toTypeId;
