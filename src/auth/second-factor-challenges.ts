/**
 * What a log-in answers with while the second factor is missing: a token of five minutes that says
 * whose password was shown. It is no access token (another type, another audience) and opens nothing
 * by itself; a password that changes meanwhile voids it.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { MINUTE, SECOND } from '../lib/duration';
import { FAMILY_BYTES } from './refresh-tokens';
import {
  createSignedTokens,
  isUuid,
  type SignedTokenOptions,
  type SignedTokens,
} from './signed-tokens';

export interface SecondFactorChallenge {
  readonly userId: string;
  readonly tenantId: string;
  /** Of the stored hash that the password was verified against. */
  readonly credential: string;
  /**
   * The family secret of the log-in, by which its other organisations are reached. Whoever holds the
   * challenge is who would get it within a refresh token; without a session it opens nothing.
   */
  readonly family: string;
}

export type SecondFactorChallenges = Omit<SignedTokens<SecondFactorChallenge>, 'forget'>;

const TTL_SECONDS = (5 * MINUTE) / SECOND;
const FAMILY = new RegExp(`^[\\w-]{${Math.ceil((FAMILY_BYTES * 4) / 3)}}$`);

export const createSecondFactorChallenges = (
  options: Pick<SignedTokenOptions, 'keys' | 'issuer' | 'audience' | 'now'>,
): SecondFactorChallenges =>
  createSignedTokens<SecondFactorChallenge>(
    { ...options, audience: `${options.audience}/second-factor`, ttlSeconds: TTL_SECONDS },
    {
      type: 'second-factor+jwt',
      write: ({ userId, tenantId, credential, family }) => ({
        sub: userId,
        tid: tenantId,
        pwd: credential,
        fam: family,
      }),
      read({ sub, tid, pwd, fam }) {
        if (!isUuid(sub) || !isUuid(tid) || typeof pwd !== 'string') return undefined;
        if (typeof fam !== 'string' || !FAMILY.test(fam)) return undefined;
        return { userId: sub, tenantId: tid, credential: pwd, family: fam };
      },
    },
  );

/** Names a stored password hash without giving it away. */
export const credentialOf = (passwordHash: string): string =>
  createHash('sha256').update(passwordHash).digest('base64url');

export function isCredentialOf(passwordHash: string, credential: string): boolean {
  const [one, other] = [Buffer.from(credentialOf(passwordHash)), Buffer.from(credential)];
  return one.length === other.length && timingSafeEqual(one, other);
}
