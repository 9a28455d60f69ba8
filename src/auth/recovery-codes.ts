/**
 * Codes for who has lost the device: 16 characters of Crockford's base 32, 80 random bits. They are
 * made by us and not by people, so a fast hash guards them; the user's id goes into it, so that a
 * dump cannot be searched for all users at once.
 */
import { createHash, randomBytes } from 'node:crypto';

export const RECOVERY_CODES = 10;
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const CHARACTERS = 16;

/** New codes as they are shown, in groups of four. */
export const createRecoveryCodes = (): string[] =>
  Array.from({ length: RECOVERY_CODES }, () =>
    Array.from(randomBytes(CHARACTERS), (byte) => ALPHABET[byte % 32])
      .join('')
      .replace(/.{4}(?=.)/g, '$&-'),
  );

/** Hash of a code as somebody typed it, or undefined for what cannot be one. */
export function hashRecoveryCode(userId: string, typed: string): Buffer | undefined {
  // Crockford's look-alikes: i and l are 1, o is 0.
  const code = typed.toLowerCase().replace(/[\s-]/g, '').replace(/[il]/g, '1').replace(/o/g, '0');
  if (code.length !== CHARACTERS || [...code].some((each) => !ALPHABET.includes(each)))
    return undefined;
  return createHash('sha256').update(`${userId}:${code}`).digest();
}
