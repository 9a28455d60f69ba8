/**
 * What a client has written last, in a token that it hands on to whichever process answers it next:
 * authenticated, and bound to its tenant. One that is not ours sends the read to the primary.
 */
import type { CursorCodec } from '../../database/cursors';
import type { Written } from './read-router';

const ORDERING = 'consistency';

export const toConsistencyToken = (
  cursors: CursorCodec,
  tenantId: string,
  { dataSourceId, position }: Written,
): string => cursors.encode(tenantId, ORDERING, [dataSourceId, position.toString()]);

export function readConsistencyToken(
  cursors: CursorCodec,
  tenantId: string,
  token: string,
): Written | 'unreadable' {
  try {
    const [dataSourceId, position] = cursors.decode(tenantId, ORDERING, token);
    if (typeof dataSourceId !== 'string' || typeof position !== 'string') return 'unreadable';
    return { dataSourceId, position: BigInt(position) };
  } catch {
    return 'unreadable'; // made by nobody, or with a key that was changed since
  }
}
