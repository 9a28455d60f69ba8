/**
 * Sealed values: `v1.<keyId>.<nonce>.<tag>.<ciphertext>`, base64url, AES-256-GCM with a 12-byte
 * nonce and a 16-byte tag. The additional data binds a value to its row and column, so that two
 * sealed values that change places do not open. The older `iv:authTag:ciphertext` base64 form is
 * read as well (it was bound to nothing), so that existing registries can be imported.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Keyring } from './keyring';

const ALGORITHM = 'aes-256-gcm';
const NONCE_BYTES = 12;
/** Enforced on opening: without it Node would take tags of 4 bytes, which can be guessed. */
const TAG_BYTES = 16;

export class EnvelopeError extends Error {
  override readonly name = 'EnvelopeError';
}

/** Where a sealed value stands: the row's id and the column. */
export interface SealedPlace {
  readonly rowId: string;
  readonly column: string;
}

const additionalData = ({ rowId, column }: SealedPlace): Buffer =>
  Buffer.from(`${rowId}.${column}`, 'utf8');

export interface NamedKey {
  readonly id: string;
  /** 32 bytes. */
  readonly key: Buffer;
}

export function sealWithKey(plaintext: string, place: SealedPlace, { id, key }: NamedKey): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(additionalData(place));
  const ciphertext = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()]);
  const parts = [nonce, cipher.getAuthTag(), ciphertext].map((part) => part.toString('base64url'));
  return ['v1', id, ...parts].join('.');
}

/** @throws EnvelopeError that says which check failed, never a byte of key or plaintext. */
export function openWithKey(sealed: string, place: SealedPlace, key: Buffer): string {
  const { nonce, tag, ciphertext } = partsOf(sealed);
  return decrypt([nonce, tag, ciphertext].map(decodeStrictly), key, additionalData(place));
}

/** The id of the key that a value was sealed with. @throws EnvelopeError when it is no envelope. */
export const keyIdOf = (sealed: string): string => partsOf(sealed).keyId;

/** Seals with the keyring's first key, without a data key between. */
export function seal(plaintext: string, place: SealedPlace, keyring: Keyring): string {
  const key = keyring.find(keyring.activeKeyId);
  if (key === undefined) throw new EnvelopeError('The keyring has no active key.');
  return sealWithKey(plaintext, place, { id: keyring.activeKeyId, key });
}

/** @throws EnvelopeError that says which check failed, never a byte of key or plaintext. */
export function open(sealed: string, place: SealedPlace, keyring: Keyring): string {
  const { keyId } = partsOf(sealed);
  const key = keyring.find(keyId);
  if (key === undefined) {
    throw new EnvelopeError(
      `The value was sealed with the key "${keyId}", which REGISTRY_KEYS does not hold.`,
    );
  }
  return openWithKey(sealed, place, key);
}

interface EnvelopeParts {
  readonly keyId: string;
  readonly nonce: string | undefined;
  readonly tag: string | undefined;
  readonly ciphertext: string;
}

function partsOf(sealed: string): EnvelopeParts {
  const [version, keyId = '', nonce, tag, ciphertext, ...rest] = sealed.split('.');
  if (version !== 'v1' || ciphertext === undefined || rest.length > 0) {
    throw new EnvelopeError('Expected an envelope v1.<keyId>.<nonce>.<tag>.<ciphertext>.');
  }
  return { keyId, nonce, tag, ciphertext };
}

/** Node skips what is no base64url and ignores the last bits: then many texts would open alike. */
function decodeStrictly(part = ''): Buffer {
  const bytes = Buffer.from(part, 'base64url');
  if (bytes.toString('base64url') !== part)
    throw new EnvelopeError('Expected parts in plain base64url.');
  return bytes;
}

/** Opens the older form `iv:authTag:ciphertext`; the caller re-seals it into its row at once. */
export function openLegacy(sealed: string, key: Buffer): string {
  const parts = sealed.split(':');
  if (parts.length !== 3) throw new EnvelopeError('Expected iv:authTag:ciphertext in base64.');
  return decrypt(
    parts.map((part) => Buffer.from(part, 'base64')),
    key,
    undefined,
  );
}

function decrypt(parts: readonly Buffer[], key: Buffer, aad: Buffer | undefined): string {
  const [nonce, tag, ciphertext] = parts;
  // Older registries used 16-byte IVs; ours are 12 bytes.
  if (tag?.length !== TAG_BYTES || nonce === undefined || ciphertext === undefined) {
    throw new EnvelopeError(`Expected a tag of ${TAG_BYTES} bytes, but got ${tag?.length ?? 0}.`);
  }
  try {
    const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
    if (aad !== undefined) decipher.setAAD(aad);
    decipher.setAuthTag(tag);
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString('utf8');
  } catch (cause) {
    throw new EnvelopeError('The value does not open: it was changed, moved or sealed otherwise.', {
      cause,
    });
  }
}
