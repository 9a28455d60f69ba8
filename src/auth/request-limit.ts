import { HOUR, SECOND } from '../lib/duration';
import { consume, limiterKey, type CreateLimiter, type LimiterOptions } from './limiters';

export const PER_HOUR = { windowSeconds: HOUR / SECOND } as const;

/** How often something may be asked for within a time. */
export interface RequestLimit {
  /** Counts one more. @returns the seconds to wait when that is too many */
  take(key: string): Promise<number | undefined>;
}

export function createRequestLimit(
  createLimiter: CreateLimiter,
  options: LimiterOptions,
): RequestLimit {
  const limiter = createLimiter(options);
  return { take: (key) => consume(limiter, limiterKey(key)) };
}
