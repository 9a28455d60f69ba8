/**
 * The form in which Postgres stores a password (RFC 5803): given in this form, the password itself
 * never travels, and no server log or statistics view can show it.
 */
import { createHash, createHmac, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify(pbkdf2);
/** Postgres' own default (`scram_iterations`). */
const ITERATIONS = 4096;
const KEY_BYTES = 32;

/** @param password ASCII, as SASLprep is not applied; else Postgres would derive another key. */
export async function scramVerifier(
  password: string,
  salt: Buffer = randomBytes(16),
): Promise<string> {
  if (!/^[\x20-\x7e]+$/.test(password)) {
    throw new TypeError('scramVerifier(password) expects printable ASCII, but got something else.');
  }
  const salted = await derive(password, salt, ITERATIONS, KEY_BYTES, 'sha256');
  const hmac = (text: string) => createHmac('sha256', salted).update(text).digest();
  const storedKey = createHash('sha256').update(hmac('Client Key')).digest('base64');
  const serverKey = hmac('Server Key').toString('base64');
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${storedKey}:${serverKey}`;
}
