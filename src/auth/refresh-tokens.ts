/**
 * Refresh tokens: opaque, good for one use. `crt1_` and 80 bytes in base64url:
 *
 *     tenant id (16) · session id (16) · family secret (16) · generation secret (32)
 *
 * The family secret stays for the life of a session, the generation secret changes with each use. So
 * *any* earlier generation is told from a made-up token: it knows the family and not the generation,
 * which means that somebody kept a copy. A session id alone (every access token shows it) proves
 * nothing and can end nothing.
 *
 * Only SHA-256 is stored. A slow hash guards what people choose; these are 128 and 256 random bits.
 */
import { createHash, randomBytes } from 'node:crypto';

const PREFIX = 'crt1_';
const BYTES = 80;
const TOKEN = /^crt1_[\w-]{107}$/;

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

/** The first token of a new session. */
export const createRefreshToken = (tenantId: string, sessionId: string): NewRefreshToken =>
  describe(Buffer.concat([uuidBytes(tenantId), uuidBytes(sessionId), randomBytes(48)]));

/** The next generation of a token that was read by `parseRefreshToken`. */
export const renewRefreshToken = (token: string): NewRefreshToken =>
  describe(Buffer.concat([decode(token).subarray(0, 48), randomBytes(32)]));

/** What a token says, or undefined for what cannot be one of ours. Whether it holds, the database says. */
export function parseRefreshToken(token: string): RefreshToken | undefined {
  if (!TOKEN.test(token)) return undefined;
  const described = describe(decode(token));
  // 107 characters have two bits to spare: one spelling only.
  return described.token === token ? described : undefined;
}

const decode = (token: string): Buffer => Buffer.from(token.slice(PREFIX.length), 'base64url');

function describe(bytes: Buffer): NewRefreshToken {
  if (bytes.length !== BYTES) throw new Error(`expected ${BYTES} bytes, got ${bytes.length}`);
  return {
    token: PREFIX + bytes.toString('base64url'),
    tenantId: uuidText(bytes.subarray(0, 16)),
    sessionId: uuidText(bytes.subarray(16, 32)),
    familyHash: sha256(bytes.subarray(32, 48)),
    generationHash: sha256(bytes.subarray(32, 80)),
  };
}

const sha256 = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest();
const uuidBytes = (uuid: string): Buffer => Buffer.from(uuid.replaceAll('-', ''), 'hex');
function uuidText(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
