import { isAppError } from '../errors';
import type { SqlRunner } from '../database/statement';
import type { TenantSession } from '../tenancy/session.port';

type FollowUp = () => Promise<void>;
type Work<T> = (tx: SqlRunner, afterCommit: (followUp: FollowUp) => void) => Promise<T>;

/** Runs work in a transaction; what it leaves for afterwards runs once that is committed. */
export type Transact = <T>(work: Work<T>) => Promise<T>;

const CONFLICT_RETRIES = 3;

/** Each piece of work in a transaction of its own, repeated when another change came in between. */
export function eachInTransaction(session: Pick<TenantSession, 'transaction'>): Transact {
  async function attempt<T>(
    work: Work<T>,
    retries: number,
  ): Promise<{ result: T; followUps: FollowUp[] }> {
    const followUps: FollowUp[] = [];
    try {
      const result = await session.transaction((tx) => {
        followUps.length = 0; // the work may be run again
        return work(tx, (followUp) => void followUps.push(followUp));
      });
      return { result, followUps };
    } catch (error) {
      if (!isPassingConflict(error) || retries === 0) throw error;
      return attempt(work, retries - 1);
    }
  }
  return async (work) => {
    const { result, followUps } = await attempt(work, CONFLICT_RETRIES);
    for (const followUp of followUps) await followUp();
    return result;
  };
}

/** Everything in one transaction, which is the caller's to end; nothing happens afterwards. */
export const withinTransaction =
  (tx: SqlRunner): Transact =>
  (work) =>
    work(tx, () => undefined);

/** A deadlock or a failed serialization; what has a reason of its own will not pass. */
const isPassingConflict = (error: unknown): boolean =>
  isAppError(error) && error.code === 'CONFLICT' && error.details['reason'] === undefined;
