/**
 * The registry's keys: `keyId:key[,keyId:key…]`, the first seals, all open. Keys are exactly
 * 32 bytes in hex (64 digits) or base64 (44 characters).
 */
import { randomBytes } from 'node:crypto';

export class KeyringError extends Error {
  override readonly name = 'KeyringError';
}

export interface Keyring {
  readonly activeKeyId: string;
  /** In the order of REGISTRY_KEYS. */
  readonly keyIds: readonly string[];
  /** @returns the key, or undefined when the id is unknown or retired. */
  find(keyId: string): Buffer | undefined;
}

const KEY_BYTES = 32;

function decodeKey(keyId: string, text: string): Buffer {
  const key = /^[0-9a-fA-F]{64}$/.test(text)
    ? Buffer.from(text, 'hex')
    : /^[A-Za-z0-9+/_-]{43}=?$/.test(text)
      ? Buffer.from(text, 'base64')
      : undefined;
  if (key?.length !== KEY_BYTES) {
    throw new KeyringError(
      `Key "${keyId}" of REGISTRY_KEYS: expected exactly 32 bytes as 64 hex digits or base64, ` +
        `but got ${text.length} characters that are neither; \`cloister keys generate\` makes one.`,
    );
  }
  return key;
}

/** @throws KeyringError naming the key id at fault, never the key. */
export function parseKeyring(text: string): Keyring {
  const keys = new Map<string, Buffer>();
  for (const entry of text.split(',').map((part) => part.trim())) {
    const separator = entry.indexOf(':');
    const keyId = entry.slice(0, Math.max(separator, 0));
    if (!/^[A-Za-z0-9_-]{1,32}$/.test(keyId)) {
      throw new KeyringError(
        'REGISTRY_KEYS: expected `keyId:key[,keyId:key…]` with ids of letters, digits, _ and -, but got an entry without such an id.',
      );
    }
    if (keys.has(keyId)) throw new KeyringError(`REGISTRY_KEYS names the key id "${keyId}" twice.`);
    keys.set(keyId, decodeKey(keyId, entry.slice(separator + 1)));
  }
  const [activeKeyId = ''] = keys.keys();
  return { activeKeyId, keyIds: [...keys.keys()], find: (keyId) => keys.get(keyId) };
}

/** A fresh entry for REGISTRY_KEYS. */
export function generateKey(
  keyId = `k${new Date().toISOString().slice(0, 10).replaceAll('-', '')}`,
): string {
  return `${keyId}:${randomBytes(KEY_BYTES).toString('hex')}`;
}
