/**
 * Tokens that are mailed as links and work once. `cot1_` and 64 bytes in base64url:
 *
 *     tenant id (16) · token id (16) · secret (32)
 *
 * The ids find the row, the secret proves that the mail was read. Only its SHA-256 is stored, see
 * `refresh-tokens.ts` for why that is enough.
 */
import { createHash, randomBytes } from 'node:crypto';
import { uuidBytes, uuidText } from './uuid-bytes';

const PREFIX = 'cot1_';
const BYTES = 64;
const TOKEN = /^cot1_[\w-]{86}$/;

export interface MailedToken {
  readonly tenantId: string;
  readonly tokenId: string;
  readonly secretHash: Buffer;
}

export interface NewMailedToken extends MailedToken {
  /** What stands in the mail; kept nowhere. */
  readonly token: string;
}

export const createMailedToken = (tenantId: string, tokenId: string): NewMailedToken =>
  describe(Buffer.concat([uuidBytes(tenantId), uuidBytes(tokenId), randomBytes(32)]));

/** What a token says, or undefined for what cannot be one of ours. Whether it holds, the database says. */
export function parseMailedToken(token: string): MailedToken | undefined {
  if (!TOKEN.test(token)) return undefined;
  const described = describe(Buffer.from(token.slice(PREFIX.length), 'base64url'));
  // 86 characters have four bits to spare: one spelling only.
  return described.token === token ? described : undefined;
}

function describe(bytes: Buffer): NewMailedToken {
  if (bytes.length !== BYTES) throw new Error(`expected ${BYTES} bytes, got ${bytes.length}`);
  return {
    token: PREFIX + bytes.toString('base64url'),
    tenantId: uuidText(bytes.subarray(0, 16)),
    tokenId: uuidText(bytes.subarray(16, 32)),
    secretHash: createHash('sha256').update(bytes.subarray(32)).digest(),
  };
}
