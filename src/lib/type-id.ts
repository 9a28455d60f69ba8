/**
 * Ids as the API shows them: a TypeID is `<prefix>_<suffix>`, the suffix a UUID in 26 characters of
 * Crockford's base 32. The database keeps the UUID. https://github.com/jetify-com/typeid/tree/main/spec
 */
import { toUUIDBytes, type TypeId } from 'typeid-js';

/** Crockford's base 32, in lower case. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const HYPHEN = 0x2d;
const DIGIT_ZERO = 0x30;
const DIGIT_NINE = 0x39;
const LETTER_A = 0x61;

/**
 * 26 × 5 bits are 130, a UUID has 128: the first character is at most 7. One spelling only: capitals
 * and Crockford's look-alikes are refused, so that a record has exactly one id.
 */
const SUFFIX = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/;

/**
 * The id of a record as the API shows it.
 * @param uuid a UUID as Postgres prints it (lower case, hyphens); not checked again.
 */
export function toTypeId(prefix: string, uuid: string): string {
  // Not the library's fromUUID, which takes a twentieth of the time of a page of records.
  let suffix = '';
  let pending = 0;
  let pendingBits = 2; // 130 bits are written, the first two are zero
  for (let index = 0; index < uuid.length; index += 1) {
    const code = uuid.charCodeAt(index);
    if (code === HYPHEN) continue;
    pending = (pending << 4) | (code <= DIGIT_NINE ? code - DIGIT_ZERO : code - LETTER_A + 10);
    pendingBits += 4;
    if (pendingBits < 5) continue;
    pendingBits -= 5;
    suffix += ALPHABET[pending >> pendingBits] ?? '';
    pending &= (1 << pendingBits) - 1;
  }
  return `${prefix}_${suffix}`;
}

/**
 * The UUID of an id that came in, or undefined for anything that is not a well-formed id of this
 * prefix: what a caller cannot have got from us, it treats as absent.
 */
export function parseTypeId(prefix: string, text: string): string | undefined {
  if (text.length !== prefix.length + 27 || !text.startsWith(`${prefix}_`)) return undefined;
  if (!SUFFIX.test(text.slice(-26))) return undefined;
  // Not the library's toUUID, which throws on UUIDs outside RFC 9562: the column takes any 128 bits.
  const hex = Buffer.from(toUUIDBytes(text as TypeId<string>)).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
