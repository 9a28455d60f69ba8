/** Cloister's ids and back: a TypeID is `<prefix>_<26 characters of Crockford's base 32>`. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

export function toTypeId(prefix: string, uuid: string): string {
  let rest = BigInt(`0x${uuid.replaceAll('-', '')}`);
  let suffix = '';
  for (let digit = 0; digit < 26; digit += 1) {
    suffix = (ALPHABET[Number(rest & 31n)] ?? '') + suffix;
    rest >>= 5n;
  }
  return `${prefix}_${suffix}`;
}

/** @returns the text itself when it is no TypeID. */
export function toUuid(id: string): string {
  const suffix = /^[a-z]+_([0-9a-z]{26})$/.exec(id)?.[1];
  if (suffix === undefined) return id;
  let value = 0n;
  for (const letter of suffix) value = (value << 5n) | BigInt(ALPHABET.indexOf(letter));
  return value
    .toString(16)
    .padStart(32, '0')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
