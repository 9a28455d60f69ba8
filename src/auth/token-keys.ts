/**
 * The keys that sign and verify access tokens. A key brings its algorithm with it: a token's header
 * only names a key (`kid`), and can choose neither the algorithm nor a key that is not ours.
 */
import { createPrivateKey, createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';

export type TokenAlgorithm = 'HS256' | 'ES256' | 'RS256';

export interface TokenKey {
  readonly kid: string;
  readonly algorithm: TokenAlgorithm;
  /** Key objects, not text: a string would be parsed again for every token. */
  readonly verifyWith: KeyObject;
  /** Absent for a public key, which verifies tokens signed elsewhere. */
  readonly signWith: KeyObject | undefined;
}

export interface TokenKeySet {
  readonly signing: TokenKey & { readonly signWith: KeyObject };
  find(kid: string): TokenKey | undefined;
}

const MIN_SECRET_BYTES = 32;
const MIN_RSA_BITS = 2048;
const KID = /^[\w.-]{1,64}$/;

/** The keys are none to sign or verify with; names the key at fault and never repeats it. */
export class TokenKeysError extends Error {
  override readonly name = 'TokenKeysError';
}

const fault = (what: string): TokenKeysError =>
  new TokenKeysError(`AUTH_JWT_KEYS: ${what}; \`cloister keys generate\` makes one.`);

/**
 * Reads `kid:key[,kid:key…]`. The first key signs, all verify; a key taken off the list is retired
 * with all its tokens. A key is a secret of at least 32 bytes (HS256), or a PEM in base64: EC P-256
 * (ES256) or RSA of at least 2048 bits (RS256), private, or public to verify only.
 * @throws TokenKeysError that names the key at fault and never repeats it
 */
export function parseTokenKeys(text: string): TokenKeySet {
  const keys = new Map<string, TokenKey>();
  for (const entry of text.split(',')) {
    const key = parseEntry(entry.trim());
    if (keys.has(key.kid)) throw fault(`expected each key id once, got '${key.kid}' twice`);
    keys.set(key.kid, key);
  }
  const [first] = keys.values();
  if (first?.signWith === undefined) {
    throw fault('expected a key that can sign in the first place, got a public key');
  }
  return { signing: { ...first, signWith: first.signWith }, find: (kid) => keys.get(kid) };
}

function parseEntry(entry: string): TokenKey {
  const colon = entry.indexOf(':');
  const kid = entry.slice(0, Math.max(colon, 0));
  if (!KID.test(kid)) {
    throw fault('expected kid:key with an id of letters, digits, dot, dash and underscore');
  }
  const material = entry.slice(colon + 1);
  const pem = Buffer.from(material, 'base64').toString('latin1');
  return pem.startsWith('-----BEGIN ') ? parsePem(kid, pem) : parseSecret(kid, material);
}

function parseSecret(kid: string, secret: string): TokenKey {
  const bytes = Buffer.from(secret, 'utf8');
  if (bytes.length < MIN_SECRET_BYTES) {
    throw fault(
      `expected secrets of at least ${MIN_SECRET_BYTES} bytes, got ${bytes.length} for '${kid}'`,
    );
  }
  const key = createSecretKey(bytes);
  return { kid, algorithm: 'HS256', verifyWith: key, signWith: key };
}

function parsePem(kid: string, pem: string): TokenKey {
  const signWith = pem.includes('PRIVATE KEY')
    ? readPem(kid, () => createPrivateKey(pem))
    : undefined;
  const verifyWith = readPem(kid, () => createPublicKey(signWith ?? pem));
  const { namedCurve, modulusLength = 0 } = verifyWith.asymmetricKeyDetails ?? {};
  if (verifyWith.asymmetricKeyType === 'ec' && namedCurve === 'prime256v1') {
    return { kid, algorithm: 'ES256', verifyWith, signWith };
  }
  if (verifyWith.asymmetricKeyType === 'rsa' && modulusLength >= MIN_RSA_BITS) {
    return { kid, algorithm: 'RS256', verifyWith, signWith };
  }
  throw fault(
    `expected an EC key on P-256 or an RSA key of at least ${MIN_RSA_BITS} bits for '${kid}'`,
  );
}

function readPem(kid: string, read: () => KeyObject): KeyObject {
  try {
    return read();
  } catch {
    // OpenSSL's own words are left out: they quote what they could not read.
    throw fault(`expected an unencrypted PEM in base64 for '${kid}', got one that cannot be read`);
  }
}
