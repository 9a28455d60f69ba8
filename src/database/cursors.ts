/**
 * Cursors of keyset pagination: opaque and authenticated. A cursor holds the ordering it belongs to
 * and the ordering values of one row; the MAC binds it to the tenant, so that a cursor can neither
 * be made up nor carried to another tenant or another ordering.
 */
import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import { badUserInput } from '../errors';

export type CursorValues = readonly (string | null)[];

export interface CursorCodec {
  encode(tenantId: string, ordering: string, values: CursorValues): string;
  /** @throws BAD_USER_INPUT for anything that `encode` did not make for this tenant and ordering. */
  decode(tenantId: string, ordering: string, cursor: string): CursorValues;
}

const MAC_BYTES = 12;
const MAX_CURSOR_CHARACTERS = 4000;

export function createCursorCodec(secret: string): CursorCodec {
  const key = createSecretKey(Buffer.from(secret, 'utf8'));
  const mac = (tenantId: string, ordering: string, payload: string): Buffer =>
    createHmac('sha256', key)
      .update(JSON.stringify([tenantId, ordering, payload]))
      .digest()
      .subarray(0, MAC_BYTES);

  return {
    encode(tenantId, ordering, values) {
      const payload = JSON.stringify(values);
      return Buffer.concat([mac(tenantId, ordering, payload), Buffer.from(payload)]).toString(
        'base64url',
      );
    },
    decode(tenantId, ordering, cursor) {
      const refuse = () =>
        badUserInput(
          'The cursor is not one of this list: take it from pageInfo or edges, and keep orderBy as it was.',
        );
      if (cursor.length > MAX_CURSOR_CHARACTERS) throw refuse();
      const bytes = Buffer.from(cursor, 'base64url');
      // Decoding skips what is no base64url: a cursor has one spelling only.
      if (bytes.toString('base64url') !== cursor) throw refuse();
      const payload = bytes.subarray(MAC_BYTES).toString('utf8');
      const given = bytes.subarray(0, MAC_BYTES);
      if (given.length !== MAC_BYTES || !timingSafeEqual(given, mac(tenantId, ordering, payload))) {
        throw refuse();
      }
      return JSON.parse(payload) as CursorValues;
    },
  };
}
