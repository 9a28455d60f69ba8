/**
 * Bounds the connections of the whole process. A place is taken before a connection is made and
 * given back when it ends, whatever pool it belongs to. When none is left, somebody's idle
 * connection is closed (`reclaim`), and if there is none, callers wait in order, for a bounded time.
 */
import { overloaded } from '../errors';

interface Waiter {
  readonly resolve: () => void;
  readonly timer: NodeJS.Timeout;
}

export interface ConnectionBudget {
  readonly limit: number;
  readonly taken: () => number;
  readonly waiting: () => number;
  /** @throws OVERLOADED when no place comes free within `timeoutMs`. */
  take(timeoutMs: number): Promise<void>;
  give(): void;
  /** An idle connection may have come into being: lets the longest waiter have its place. */
  retry(): void;
}

/** @param reclaim closes one idle connection of any pool, if there is one; its end gives the place. */
export function createConnectionBudget(limit: number, reclaim: () => boolean): ConnectionBudget {
  let taken = 0;
  const waiters: Waiter[] = [];

  const admit = (): void => {
    while (taken < limit) {
      const waiter = waiters.shift();
      if (waiter === undefined) return;
      clearTimeout(waiter.timer);
      taken += 1;
      waiter.resolve();
    }
  };

  return {
    limit,
    taken: () => taken,
    waiting: () => waiters.length,
    take(timeoutMs) {
      if (taken < limit && waiters.length === 0) {
        taken += 1;
        return Promise.resolve();
      }
      return new Promise<void>((resolve, reject) => {
        const waiter: Waiter = {
          resolve,
          timer: setTimeout(() => {
            waiters.splice(waiters.indexOf(waiter), 1);
            reject(overloaded());
          }, timeoutMs),
        };
        waiters.push(waiter);
        reclaim();
      });
    },
    give() {
      taken -= 1;
      admit();
    },
    retry() {
      if (waiters.length > 0) reclaim();
    },
  };
}
