/**
 * Signs places of the audit log's chain with a key that the database never sees: whoever may write
 * its tables can compute a chain anew, and cannot sign it.
 */
import { createHmac, createSecretKey, hkdfSync, timingSafeEqual } from 'node:crypto';

/** A place in the chain: how many entries there are up to it, and the hash that stands there. */
export interface ChainPlace {
  readonly position: number;
  readonly hash: Buffer;
}

export interface AuditSeal {
  sign(place: ChainPlace): Buffer;
  holds(place: ChainPlace, signature: Buffer): boolean;
}

const KEY_BYTES = 32;
const PURPOSE = 'cloister audit checkpoint';

/**
 * @param secret `config.auth.emailIndexKey`: of all secrets the one that never changes, so that what
 *   was signed a year ago can still be verified. The key is derived and serves nothing else.
 */
export function createAuditSeal(secret: string): AuditSeal {
  const key = createSecretKey(
    Buffer.from(hkdfSync('sha256', Buffer.from(secret, 'utf8'), '', PURPOSE, KEY_BYTES)),
  );
  const sign = ({ position, hash }: ChainPlace): Buffer =>
    createHmac('sha256', key)
      .update(`${position}:${hash.toString('hex')}`)
      .digest();
  return {
    sign,
    holds(place, signature) {
      const expected = sign(place);
      return signature.length === expected.length && timingSafeEqual(expected, signature);
    },
  };
}
