import { openLegacy } from './envelope';
import { parseKeyring } from './keyring';

/**
 * Reads values out of an older registry, which sealed them as `iv:authTag:ciphertext`.
 * @param key its key, 32 bytes in hex or base64; without one every value is taken as plain text.
 * @returns the plain text; a connection URL passes as it is. @throws EnvelopeError, KeyringError.
 */
export function createLegacyReader(key: string | undefined): (value: string) => string {
  const opened = key === undefined ? undefined : parseKeyring(`legacy:${key}`).find('legacy');
  if (opened === undefined) return (value) => value;
  return (value) => (/^postgres(ql)?:\/\//.test(value) ? value : openLegacy(value, opened));
}
