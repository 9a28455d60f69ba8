/**
 * What Postgres leaves for us to do in the JSON that it makes: ids, whose form in the API it has no
 * quick way to work out, and values of enumerations, which it cannot refuse.
 *
 * The key of such a member ends with a mark: `"id#A":"018f…"`. No text of a customer's can look like
 * that, whoever wrote it: within a string every quotation mark is escaped, behind a string comes no
 * colon, and in JSON that is stored (jsonb) a space follows the colon. Keys of an answer have no `#`.
 */
import { toTypeId } from '../../../lib/type-id';

/** Each letter stands for a prefix. */
const prefixes: string[] = [];
const FIRST_LETTER = 0x41;
const UUID_LENGTH = 36;

/** What the key of a record's UUID ends with. @param prefix of the kind's ids. */
export function idMark(prefix: string): string {
  let place = prefixes.indexOf(prefix);
  if (place === -1) place = prefixes.push(prefix) - 1;
  return `#${String.fromCharCode(FIRST_LETTER + place)}`;
}

/** What the key of an enumeration's value ends with. */
export const ENUM_MARK = '#!';
export const MARK_LENGTH = ENUM_MARK.length;
/** What a value begins with that the API does not know. */
export const UNKNOWN = '?';

const BEFORE_TEXT = '":"';
const BEFORE_NULL = '":null';

/** The JSON without marks, ids as the API shows them. @throws when it holds a value that is unknown. */
export function fillMarks(json: string): string {
  let text = '';
  let done = 0;
  for (let at = json.indexOf('#'); at !== -1; at = json.indexOf('#', at + 1)) {
    const end = at + MARK_LENGTH;
    const value = end + BEFORE_TEXT.length;
    if (json.startsWith(BEFORE_TEXT, end)) {
      const prefix = prefixes[json.charCodeAt(at + 1) - FIRST_LETTER];
      if (prefix !== undefined) {
        text += json.slice(done, at) + BEFORE_TEXT + toTypeId(prefix, json, value);
        done = value + UUID_LENGTH;
      } else if (json.startsWith(ENUM_MARK, at)) {
        if (json.startsWith(UNKNOWN, value)) throw unknownValue(json, value);
        text += json.slice(done, at);
        done = end;
      }
    } else if (json.startsWith(ENUM_MARK + BEFORE_NULL, at)) {
      text += json.slice(done, at);
      done = end;
    }
  }
  return done === 0 ? json : text + json.slice(done);
}

function unknownValue(json: string, at: number): Error {
  const value = json.slice(at + UNKNOWN.length, json.indexOf('"', at));
  return new TypeError(`An enumeration has no value "${value}".`);
}
