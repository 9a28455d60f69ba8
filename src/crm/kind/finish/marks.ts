/**
 * What Postgres leaves for us to write in the JSON that it makes: ids, whose form in the API it has no
 * quick way to work out. They are marked with a word that nobody outside this process knows, so that no
 * text of a customer's looks like one.
 */
import { randomBytes } from 'node:crypto';
import { toTypeId } from '../../../lib/type-id';

/** 48 random bits. Short, because it stands in an answer once for each id. */
const SECRET = randomBytes(6).toString('base64url');
const ID_MARK = `${SECRET}#`;
/** Each letter after the mark stands for a prefix. */
const prefixes: string[] = [];
const FIRST_LETTER = 0x41;
const UUID_LENGTH = 36;

/** What stands before the UUID of a record. @param prefix of the kind's ids. */
export function markId(prefix: string): string {
  let place = prefixes.indexOf(prefix);
  if (place === -1) place = prefixes.push(prefix) - 1;
  return ID_MARK + String.fromCharCode(FIRST_LETTER + place);
}

/** What stands before a value that the API does not know. */
export const UNKNOWN_MARK = `${SECRET}?`;

/** The JSON with its ids as the API shows them. @throws when it holds a value that is unknown. */
export function fillMarks(json: string): string {
  let at = json.indexOf(SECRET);
  if (at === -1) return json;
  let text = '';
  let done = 0;
  while (at !== -1) {
    const letterAt = at + ID_MARK.length;
    const prefix = prefixes[json.charCodeAt(letterAt) - FIRST_LETTER];
    if (prefix === undefined || !json.startsWith(ID_MARK, at)) throw unknownValue(json, at);
    const end = letterAt + 1 + UUID_LENGTH;
    text += json.slice(done, at) + toTypeId(prefix, json, letterAt + 1);
    done = end;
    at = json.indexOf(SECRET, end);
  }
  return text + json.slice(done);
}

function unknownValue(json: string, at: number): Error {
  const begin = at + UNKNOWN_MARK.length;
  const value = json.slice(begin, json.indexOf('"', begin));
  return new TypeError(`An enumeration has no value "${value}".`);
}
