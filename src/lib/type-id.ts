/**
 * Ids as the API shows them: a TypeID is `<prefix>_<suffix>`, the suffix a UUID in 26 characters of
 * Crockford's base 32. The database keeps the UUID. https://github.com/jetify-com/typeid/tree/main/spec
 */

/** Crockford's base 32, in lower case, as character codes. */
const DIGITS = Uint8Array.from('0123456789abcdefghjkmnpqrstvwxyz', (digit) => digit.charCodeAt(0));
const SUFFIX_LENGTH = 26;
const UUID_LENGTH = 36;
const HYPHEN = 0x2d;
/** What a hexadecimal digit stands for, by its character code. */
const NIBBLES = new Uint8Array(128);
/** The same of base 32. */
const VALUES = new Uint8Array(128);
const HEX = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));
HEX.forEach((code, value) => (NIBBLES[code] = value));
DIGITS.forEach((code, value) => (VALUES[code] = value));

/**
 * 26 × 5 bits are 130, a UUID has 128: the first character is at most 7. One spelling only: capitals
 * and Crockford's look-alikes are refused, so that a record has exactly one id.
 */
const SUFFIX = /^[0-7][0-9a-hjkmnp-tv-z]{25}$/;

/** Filled anew for each id; nothing is awaited in between. */
const suffix = new Array<number>(SUFFIX_LENGTH).fill(0);
/** The same, its hyphens in their places. */
const uuid = Array.from('00000000-0000-0000-0000-000000000000', (digit) => digit.charCodeAt(0));

/**
 * The id of a record as the API shows it. A page of records spends a good part of its time here, and an
 * account by its id did the other way: hence neither the library, to which the tests compare it, nor text
 * that is built up digit by digit.
 * @param text holds a UUID as Postgres prints it (lower case, hyphens); not checked again.
 * @param start where in the text it begins.
 */
export function toTypeId(prefix: string, text: string, start = 0): string {
  let written = 0;
  let pending = 0;
  let pendingBits = 2; // 130 bits are written, the first two are zero
  for (let index = start; index < start + UUID_LENGTH; index += 1) {
    const code = text.charCodeAt(index);
    if (code === HYPHEN) continue;
    pending = ((pending << 4) | (NIBBLES[code] ?? 0)) & 0xff;
    pendingBits += 4;
    if (pendingBits < 5) continue;
    pendingBits -= 5;
    suffix[written] = DIGITS[(pending >> pendingBits) & 31] ?? 0;
    written += 1;
  }
  return `${prefix}_${String.fromCharCode(...suffix)}`;
}

/**
 * The UUID of an id that came in, or undefined for anything that is not a well-formed id of this
 * prefix: what a caller cannot have got from us, it treats as absent.
 */
export function parseTypeId(prefix: string, text: string): string | undefined {
  if (text.length !== prefix.length + 27 || !text.startsWith(`${prefix}_`)) return undefined;
  if (!SUFFIX.test(text.slice(-SUFFIX_LENGTH))) return undefined;
  let written = 0;
  let pending = 0;
  let pendingBits = -2; // of 130 bits the first two are zero
  for (let index = text.length - SUFFIX_LENGTH; index < text.length; index += 1) {
    pending = ((pending << 5) | (VALUES[text.charCodeAt(index)] ?? 0)) & 0xff;
    pendingBits += 5;
    while (pendingBits >= 4) {
      pendingBits -= 4;
      if (uuid[written] === HYPHEN) written += 1;
      uuid[written] = HEX[(pending >> pendingBits) & 15] ?? 0;
      written += 1;
    }
  }
  return String.fromCharCode(...uuid);
}
