import { setTimeout as delay } from 'node:timers/promises';

/** What `work` resolves to, or an ETIMEDOUT when it takes longer; the work itself is not stopped. */
export async function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  const controller = new AbortController();
  const limit = delay(limitMs, undefined, { signal: controller.signal }).then(() => {
    throw Object.assign(new Error('No answer in time.'), { code: 'ETIMEDOUT' });
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    controller.abort();
    // The loser of the race is nobody's any more.
    limit.catch(() => undefined);
    work.catch(() => undefined);
  }
}
