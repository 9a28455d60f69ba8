/**
 * Where a tenant is after the data source that it was in has said that it has moved. The mover marks
 * the old place a moment before the registry names the new one; and should the mover die in that
 * moment, the mark is taken back. So whoever was refused looks, and tries again, for a while.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { isMoved } from '../database/postgres-errors';
import { SECOND } from '../lib/duration';
import type { Directory } from './directory';
import type { TenantRow } from './registry.store';

/** How long a write that was refused because of a move is tried again. */
const FOLLOW_MOVES_FOR_MS = 4 * SECOND;
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 100;

/** @returns the tenant where it is now; after a pause, when the registry names no other place yet. */
export async function findWhereItMoved(
  directory: Pick<Directory, 'findTenant' | 'invalidate'>,
  left: TenantRow,
  attempt: number,
): Promise<TenantRow> {
  directory.invalidate('tenants', left.id);
  const found = await directory.findTenant(left.id);
  if (found !== undefined && isElsewhere(found, left)) return found;
  await delay(Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS));
  return left;
}

/**
 * What a tenant that has moved refuses is undone, so that all of it can be done again, there.
 * @param relocate see SessionOptions; absent: a move is a failure.
 */
export async function followingMoves<T>(
  work: () => Promise<T>,
  relocate: ((attempt: number) => Promise<void>) | undefined,
  onRelocated: () => Promise<void>,
): Promise<T> {
  const until = performance.now() + FOLLOW_MOVES_FOR_MS;
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (relocate === undefined || !isMoved(error)) throw error;
      if (performance.now() > until) throw error;
    }
    await relocate(attempt);
    await onRelocated();
  }
}

const isElsewhere = (found: TenantRow, left: TenantRow): boolean =>
  found.dataSourceId !== left.dataSourceId ||
  found.tenantIdInDataSource !== left.tenantIdInDataSource;
