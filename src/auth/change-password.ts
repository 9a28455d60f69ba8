import { uuidv7 } from 'uuidv7';
import { badUserInput, unauthenticated } from '../errors';
import type { AccessTokens } from './access-tokens';
import { issueSession, type IssuedSession } from './issue-session';
import type { LoginLimits } from './login-limits';
import { isOversizedPassword, newPasswordFault, type Passwords } from './passwords';
import type { TenantAccess } from './ports';
import type { Principal } from './principal';
import { createRefreshToken } from './refresh-tokens';
import type { SessionCheck } from './session-check';
import { openSession, revokeSessionsOfUser, type Client } from './user-sessions.store';
import { findCredentialsById, replacePasswordHash } from './users.store';

export interface ChangePasswordInput {
  readonly currentPassword: string;
  readonly newPassword: string;
  readonly client: Client;
}

export interface ChangePasswordDependencies {
  readonly access: TenantAccess;
  readonly accessTokens: AccessTokens;
  readonly sessionCheck: SessionCheck;
  readonly passwords: Passwords;
  readonly limits: LoginLimits;
  readonly refreshTokenTtlSeconds: number;
}

export type ChangePassword = (
  principal: Principal,
  input: ChangePasswordInput,
) => Promise<IssuedSession>;

/**
 * Changes the user's own password, ends all their sessions (whoever signed in by the old password,
 * this client too) and opens a new one for this client: all of it, or nothing.
 */
export function createChangePassword(deps: ChangePasswordDependencies): ChangePassword {
  const { access, passwords, limits, sessionCheck } = deps;

  return async (principal, { currentPassword, newPassword, client }) => {
    const { tenantId, userId } = principal;
    const fault = newPasswordFault(newPassword);
    if (fault !== undefined) throw badUserInput(`newPassword ${fault}.`, { field: 'newPassword' });
    if (newPassword === currentPassword) {
      throw badUserInput('Expected a new password, got the current one.', { field: 'newPassword' });
    }
    const verifiedHash = await verifyCurrent(principal, currentPassword, client);
    const newHash = await passwords.hash(newPassword);
    const token = createRefreshToken(tenantId, uuidv7());
    const tenant = await access.describe(tenantId);
    const changed = await access.transaction(tenantId, async (sql) => {
      if (!(await replacePasswordHash(sql, { userId, verifiedHash, newHash }))) {
        throw unauthenticated(); // disabled, or changed from elsewhere, since it was verified
      }
      const ended = await revokeSessionsOfUser(sql, userId, 'password_changed');
      const user = await openSession(sql, {
        userId,
        verifiedHash: newHash,
        token,
        ttlSeconds: deps.refreshTokenTtlSeconds,
        client,
      });
      return { user, ended };
    });
    changed.ended.forEach((sessionId) => sessionCheck.forget(sessionId));
    if (changed.user === undefined || tenant === undefined) throw unauthenticated();
    return issueSession(deps.accessTokens, tenant, changed.user, token);
  };

  /** As limited as log-in is: a stolen access token must not be a way to try passwords. */
  async function verifyCurrent(
    { tenantId, userId }: Principal,
    password: string,
    client: Client,
  ): Promise<string> {
    const wrong = () =>
      badUserInput('The current password is wrong.', { field: 'currentPassword' });
    if (isOversizedPassword(password)) throw wrong();
    const attempt = await limits.begin(`user:${tenantId}:${userId}`, client.ip);
    try {
      const credentials = await access.run(tenantId, (sql) => findCredentialsById(sql, userId));
      const hash = credentials?.passwordHash ?? undefined;
      if ((await passwords.verify(hash, password)) && hash !== undefined) {
        await attempt.succeeded();
        return hash;
      }
    } catch (error) {
      await attempt.discounted(); // a database or the hashing was not to be had
      throw error;
    }
    throw wrong();
  }
}
