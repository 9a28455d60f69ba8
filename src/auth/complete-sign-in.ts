import { uuidv7 } from 'uuidv7';
import { badUserInput, isAppError, unauthenticated } from '../errors';
import type { AccessTokens } from './access-tokens';
import { issueSession, type IssuedSession } from './issue-session';
import type { LoginLimits } from './login-limits';
import { maySignIn, refusalOf, type TenantAccess } from './ports';
import { createRefreshToken } from './refresh-tokens';
import {
  isCredentialOf,
  type SecondFactorChallenge,
  type SecondFactorChallenges,
} from './second-factor-challenges';
import type { SecondFactorCheck } from './second-factor-check';
import { codeAccount, wrongCode } from './second-factor';
import { strengthenProof } from './sign-in-proofs.store';
import { openSession, type Client } from './user-sessions.store';
import { findCredentialsById } from './users.store';

export interface SecondFactorAnswer {
  readonly challenge: string;
  /** Of the app, or a recovery code. */
  readonly code: string;
  readonly client: Client;
}

/**
 * Finishes a log-in, or a switch to another organisation, that asked for the second factor.
 * @throws BAD_USER_INPUT naming `challenge` or `code`, RATE_LIMITED, TENANT_SUSPENDED
 */
export type CompleteSignIn = (answer: SecondFactorAnswer) => Promise<IssuedSession>;

export function createCompleteSignIn(deps: {
  readonly access: TenantAccess;
  readonly accessTokens: AccessTokens;
  readonly challenges: SecondFactorChallenges;
  readonly check: SecondFactorCheck;
  readonly codeLimits: LoginLimits;
  readonly refreshTokenTtlSeconds: number;
}): CompleteSignIn {
  const { access, challenges, check, codeLimits } = deps;

  return async ({ challenge, code, client }) => {
    const shown = read(challenge);
    const { tenantId } = shown;
    const tenant = await access.describe(tenantId);
    if (tenant === undefined || !maySignIn(tenant)) {
      throw (tenant && refusalOf(tenant)) ?? unauthenticated();
    }
    const attempt = await codeLimits.begin(codeAccount(shown), client.ip);
    let right: boolean;
    try {
      right = await check.take(shown, code);
    } catch (error) {
      await attempt.discounted(); // a database or a key was not to be had
      throw error;
    }
    if (!right) throw wrongCode();
    await attempt.succeeded();

    const credentials = await access.run(tenantId, (sql) => findCredentialsById(sql, shown.userId));
    const verifiedHash = credentials?.passwordHash ?? '';
    if (!isCredentialOf(verifiedHash, shown.credential)) throw lapsed();
    const family = Buffer.from(shown.family, 'base64url');
    const token = createRefreshToken(tenantId, uuidv7(), family);
    const user = await access.run(tenantId, async (sql) => {
      const opened = await openSession(sql, {
        userId: shown.userId,
        verifiedHash,
        secondFactorShown: true,
        token,
        ttlSeconds: deps.refreshTokenTtlSeconds,
        client,
      });
      if (opened !== undefined) await strengthenProof(sql, token.familyHash);
      return opened;
    });
    if (user === undefined) throw lapsed(); // disabled meanwhile
    return issueSession(deps.accessTokens, tenant, user, token);
  };

  function read(challenge: string): SecondFactorChallenge {
    try {
      return challenges.verify(challenge);
    } catch (error) {
      if (isAppError(error) && error.code === 'UNAUTHENTICATED') throw lapsed();
      throw error;
    }
  }
}

const lapsed = () =>
  badUserInput('The challenge is good for five minutes: sign in again.', { field: 'challenge' });
