/** Shortens what was counted of requests, by age. One round; whoever schedules it calls again. */
import { DAY } from '../../lib/duration';
import type { Tenancy } from '../../tenancy/tenancy';
import { dayOf } from './request-counts';
import { removeRequests } from './usage.store';

export interface PruneRequestsOptions {
  /** Of one statement; a round goes on until there is nothing older left. */
  readonly rowsAtOnce?: number;
  readonly signal?: AbortSignal;
}

/** The limit asks for today alone; this month and the one before are for bills made of them. */
export const KEEP_REQUESTS_DAYS = 62;

/** @returns how many days of tenants were removed. */
export async function pruneRequests(
  { registryDb }: Pick<Tenancy, 'registryDb'>,
  { rowsAtOnce = 5000, signal }: PruneRequestsOptions = {},
): Promise<number> {
  const oldestKept = dayOf(Date.now() - KEEP_REQUESTS_DAYS * DAY);
  let removed = 0;
  for (let some = rowsAtOnce; some === rowsAtOnce; removed += some) {
    signal?.throwIfAborted();
    some = await removeRequests(registryDb, oldestKept, rowsAtOnce);
  }
  return removed;
}
