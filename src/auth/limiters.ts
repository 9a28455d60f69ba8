/** How attempts are counted: in this process, or by whoever makes limiters that processes share. */
import { createHash } from 'node:crypto';
import { RateLimiterMemory, RateLimiterRes, type RateLimiterAbstract } from 'rate-limiter-flexible';

export interface LimiterOptions {
  /** What is counted; limiters of different names never meet. */
  readonly name: string;
  readonly points: number;
  readonly windowSeconds: number;
}

export type CreateLimiter = (options: LimiterOptions) => RateLimiterAbstract;

export const createMemoryLimiter: CreateLimiter = ({ name, points, windowSeconds }) =>
  new RateLimiterMemory({ keyPrefix: name, points, duration: windowSeconds });

/** Under which key something is counted: of one length, and no address or person to be read in it. */
export const limiterKey = (text: string): string =>
  createHash('sha256').update(text).digest('base64url');

/** Counts one more. @returns the seconds to wait when that is too many */
export async function consume(
  limiter: RateLimiterAbstract,
  key: string,
): Promise<number | undefined> {
  try {
    await limiter.consume(key);
    return undefined;
  } catch (refusal) {
    if (!(refusal instanceof RateLimiterRes)) throw refusal;
    return Math.max(1, Math.ceil(refusal.msBeforeNext / 1000));
  }
}
