import { createHmac, createSecretKey } from 'node:crypto';

/**
 * The one spelling of an e-mail address under which it is looked up: trimmed, lower case, NFC.
 * Lower-casing can undo the normal form (`İ` becomes two code points), hence NFC last.
 */
export const normalizeEmail = (email: string): string =>
  email.trim().toLowerCase().normalize('NFC');

/** Turns a normalised e-mail address into its key of the registry's e-mail index. */
export type EmailIndexKeyOf = (emailKey: string) => Buffer;

/**
 * HMAC-SHA256 and never a plain hash: addresses are guessable, so whoever holds a dump of the
 * registry could try a list of them; without the key there is nothing to try.
 * @param secret `config.auth.emailIndexKey`
 */
export function createEmailIndexKeyOf(secret: string): EmailIndexKeyOf {
  const key = createSecretKey(Buffer.from(secret, 'utf8'));
  return (emailKey) => createHmac('sha256', key).update(emailKey, 'utf8').digest();
}
