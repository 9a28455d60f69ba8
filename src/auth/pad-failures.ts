import { setTimeout as delay } from 'node:timers/promises';

/** Time as the padding sees it; another one in tests. */
export interface Clock {
  nowMs(): number;
  delay(ms: number): Promise<unknown>;
}

const WALL: Clock = { nowMs: () => performance.now(), delay };

/**
 * Lets a failure out only at a multiple of the given time since the start. How long a log-in took
 * would otherwise tell whether the e-mail is known, in how many tenants, and how far away they are.
 */
export async function padFailures<T>(
  quantumMs: number,
  attempt: () => Promise<T>,
  clock: Clock = WALL,
): Promise<T> {
  const startedAt = clock.nowMs();
  try {
    return await attempt();
  } catch (error) {
    const elapsedMs = clock.nowMs() - startedAt;
    await clock.delay(Math.ceil(elapsedMs / quantumMs) * quantumMs - elapsedMs);
    throw error;
  }
}
