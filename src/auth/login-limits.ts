/**
 * How often a password may be wrong: per account, named by the key of its e-mail whether or not there
 * is such a user, and per address it is tried from.
 */
import { isIPv6 } from 'node:net';
import type { RateLimiterAbstract } from 'rate-limiter-flexible';
import { rateLimited } from '../errors';
import { consume, createMemoryLimiter, limiterKey, type CreateLimiter } from './limiters';

export interface LoginLimitOptions {
  readonly wrongPerAccount: number;
  readonly wrongPerAddress: number;
  readonly windowSeconds: number;
}

export const DEFAULT_LOGIN_LIMITS: LoginLimitOptions = {
  wrongPerAccount: 10,
  wrongPerAddress: 100,
  windowSeconds: 900,
};

/** A code has six digits: fewer guesses than a password gets. */
export const CODE_LIMITS: LoginLimitOptions = {
  wrongPerAccount: 5,
  wrongPerAddress: 50,
  windowSeconds: 900,
};

export interface LoginAttempt {
  /** The password was right: the account's wrong ones are forgotten. */
  succeeded(): Promise<void>;
  /** Nothing was learnt about the password (a database was down): the attempt does not count. */
  discounted(): Promise<void>;
}

export interface LoginLimits {
  /**
   * Counts an attempt as wrong until it proves otherwise: were it counted afterwards, any number
   * tried at once would get in before the first is counted.
   * @throws RATE_LIMITED with the seconds to wait
   */
  begin(account: string, address: string): Promise<LoginAttempt>;
  /** The account's wrong ones are forgotten: its owner has shown who they are in another way. */
  forgive(account: string): Promise<void>;
}

/** @param name what is tried: attempts at different things are counted apart */
export function createLoginLimits(
  options: LoginLimitOptions = DEFAULT_LOGIN_LIMITS,
  createLimiter: CreateLimiter = createMemoryLimiter,
  name = 'password',
): LoginLimits {
  const { windowSeconds, wrongPerAccount, wrongPerAddress } = options;
  const limiter = (what: string, points: number) =>
    createLimiter({ name: `${name}-${what}`, points, windowSeconds });
  const accounts = limiter('account', wrongPerAccount);
  const addresses = limiter('address', wrongPerAddress);

  return {
    async begin(account, address) {
      const [accountKey, network] = [limiterKey(account), limiterKey(networkOf(address))];
      await consumeOrRefuse(addresses, network);
      await consumeOrRefuse(accounts, accountKey);
      return {
        async succeeded() {
          await Promise.all([accounts.delete(accountKey), addresses.reward(network)]);
        },
        async discounted() {
          await Promise.all([accounts.reward(accountKey), addresses.reward(network)]);
        },
      };
    },
    async forgive(account) {
      await accounts.delete(limiterKey(account));
    },
  };
}

async function consumeOrRefuse(limiter: RateLimiterAbstract, key: string): Promise<void> {
  const waitSeconds = await consume(limiter, key);
  if (waitSeconds !== undefined) throw rateLimited(waitSeconds);
}

/** What one customer of a provider has: an IPv4 address, or the whole /64 of an IPv6 address. */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = '', tail] = address.split('%', 1).join('').toLowerCase().split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':'));
  const left = groups(head);
  const right = groups(tail ?? '');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  return [...left, ...Array.from({ length: zeros }, () => '0'), ...right]
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':');
}
