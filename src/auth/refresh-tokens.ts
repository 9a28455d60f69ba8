/**
 * Refresh tokens: opaque, good for one use. A prefix that names the API (`crt1_`, an operator's
 * `cor1_`) and 80 bytes in base64url:
 *
 *     tenant id or operator id (16) · session id (16) · family secret (16) · generation secret (32)
 *
 * The family secret stays for the life of a session, the generation secret changes with each use. So
 * *any* earlier generation is told from a made-up token: it knows the family and not the generation,
 * which means that somebody kept a copy. A session id alone (every access token shows it) proves
 * nothing and can end nothing.
 *
 * Only SHA-256 is stored. A slow hash guards what people choose; these are 128 and 256 random bits.
 */
import { createHash, randomBytes } from 'node:crypto';
import { uuidBytes, uuidText } from './uuid-bytes';

const BYTES = 80;
export const FAMILY_BYTES = 16;
const CHARACTERS = /^[\w-]{107}$/;

export interface RefreshToken {
  readonly tenantId: string;
  readonly sessionId: string;
  readonly familyHash: Buffer;
  /** Hash of the family and the generation secret: what the current token of a session must show. */
  readonly generationHash: Buffer;
}

export interface NewRefreshToken extends RefreshToken {
  /** What the client gets; kept nowhere. */
  readonly token: string;
}

export interface RefreshTokens {
  /**
   * The first token of a new session.
   * @param family of the log-in that the session comes of, when it is not a log-in of its own
   */
  create(tenantId: string, sessionId: string, family?: Buffer): NewRefreshToken;
  /** The family secret of a token that was made here or read by `parse`. */
  familyOf(token: string): Buffer;
  /** The next generation of a token that was read by `parse`. */
  renew(token: string): NewRefreshToken;
  /** What a token says, or undefined for what cannot be one of ours. Whether it holds, the database says. */
  parse(token: string): RefreshToken | undefined;
}

export function createRefreshTokens(prefix: string): RefreshTokens {
  const decode = (token: string): Buffer => Buffer.from(token.slice(prefix.length), 'base64url');

  function describe(bytes: Buffer): NewRefreshToken {
    if (bytes.length !== BYTES) throw new Error(`expected ${BYTES} bytes, got ${bytes.length}`);
    return {
      token: prefix + bytes.toString('base64url'),
      tenantId: uuidText(bytes.subarray(0, 16)),
      sessionId: uuidText(bytes.subarray(16, 32)),
      familyHash: sha256(bytes.subarray(32, 48)),
      generationHash: sha256(bytes.subarray(32, 80)),
    };
  }

  return {
    create: (tenantId, sessionId, family = randomBytes(FAMILY_BYTES)) =>
      describe(Buffer.concat([uuidBytes(tenantId), uuidBytes(sessionId), family, randomBytes(32)])),
    familyOf: (token) => decode(token).subarray(32, 32 + FAMILY_BYTES),
    renew: (token) => describe(Buffer.concat([decode(token).subarray(0, 48), randomBytes(32)])),
    parse(token) {
      if (!token.startsWith(prefix) || !CHARACTERS.test(token.slice(prefix.length)))
        return undefined;
      const described = describe(decode(token));
      // 107 characters have two bits to spare: one spelling only.
      return described.token === token ? described : undefined;
    },
  };
}

/** Of the tenants' API. */
export const {
  create: createRefreshToken,
  renew: renewRefreshToken,
  parse: parseRefreshToken,
  familyOf,
} = createRefreshTokens('crt1_');

const sha256 = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest();
