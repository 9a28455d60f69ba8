/**
 * Work that an answer does not wait for, such as sending a mail. It lives in this process: tried
 * again after growing pauses while it fails, a few at once, a bounded number waiting. What fails for
 * good is logged with its name; the work itself sees to it that nothing is half-done.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from './log';
import { MINUTE, SECOND } from './duration';

export interface FollowUpWork {
  /** @throws Error when too much waits already; the caller decides what that means. */
  add(name: string, work: () => Promise<void>): void;
  /** Resolves once nothing waits or runs. For tests and for an orderly end. */
  settled(): Promise<void>;
  /** What waits for its next attempt is tried once more, at once; takes nothing on any more. */
  close(): Promise<void>;
}

export interface FollowUpOptions {
  readonly log: Log;
  readonly pausesMs?: readonly number[];
  readonly maxWaiting?: number;
  readonly maxConcurrent?: number;
}

const DEFAULT_PAUSES_MS = [SECOND, 5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE];

export function createFollowUpWork(options: FollowUpOptions): FollowUpWork {
  const { log, pausesMs = DEFAULT_PAUSES_MS, maxWaiting = 1000, maxConcurrent = 4 } = options;
  const closing = new AbortController();
  const all = new Set<Promise<void>>();
  const queue: (() => void)[] = [];
  let running = 0;

  async function inTurn(work: () => Promise<void>): Promise<void> {
    if (running >= maxConcurrent) await new Promise<void>((resolve) => queue.push(resolve));
    else running += 1;
    try {
      await work();
    } finally {
      // The place passes straight to the next in line, so that nobody slips between.
      const next = queue.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  }

  async function persist(name: string, work: () => Promise<void>): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      const last = closing.signal.aborted;
      try {
        await inTurn(work);
        return;
      } catch (error) {
        const pauseMs = last ? undefined : pausesMs[attempt];
        const details = { work: name, attempt: attempt + 1, err: error };
        if (pauseMs === undefined) {
          log.error(details, 'follow-up work failed and is given up');
          return;
        }
        log.warn({ ...details, nextAttemptInMs: pauseMs }, 'follow-up work failed, to be repeated');
        await delay(pauseMs, undefined, { signal: closing.signal, ref: false }).catch(
          () => undefined, // closing: the last attempt comes now
        );
      }
    }
  }

  const settled = async (): Promise<void> => {
    while (all.size > 0) await Promise.all(all);
  };

  return {
    add(name, work) {
      if (closing.signal.aborted || all.size >= maxWaiting) {
        throw new Error(`Expected at most ${maxWaiting} pieces of follow-up work, got another.`);
      }
      const done = persist(name, work).finally(() => all.delete(done));
      all.add(done);
    },
    settled,
    async close() {
      closing.abort();
      await settled();
    },
  };
}
