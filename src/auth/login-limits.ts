/**
 * How often a password may be wrong: per account, named by the key of its e-mail whether or not there
 * is such a user, and per address it is tried from. Kept in this process: with several, each allows
 * the same again, which is still far too few guesses to matter.
 */
import { isIPv6 } from 'node:net';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { rateLimited } from '../errors';

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
}

export function createLoginLimits(options: LoginLimitOptions = DEFAULT_LOGIN_LIMITS): LoginLimits {
  const { windowSeconds: duration } = options;
  const accounts = new RateLimiterMemory({ points: options.wrongPerAccount, duration });
  const addresses = new RateLimiterMemory({ points: options.wrongPerAddress, duration });

  return {
    async begin(account, address) {
      const network = networkOf(address);
      await consume(addresses, network);
      await consume(accounts, account);
      return {
        async succeeded() {
          await Promise.all([accounts.delete(account), addresses.reward(network)]);
        },
        async discounted() {
          await Promise.all([accounts.reward(account), addresses.reward(network)]);
        },
      };
    },
  };
}

async function consume(limiter: RateLimiterMemory, key: string): Promise<void> {
  try {
    await limiter.consume(key);
  } catch (refusal) {
    if (!(refusal instanceof RateLimiterRes)) throw refusal;
    throw rateLimited(Math.max(1, Math.ceil(refusal.msBeforeNext / 1000)));
  }
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
