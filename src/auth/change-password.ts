import { uuidv7 } from 'uuidv7';
import { badUserInput, unauthenticated } from '../errors';
import type { AccessTokens } from './access-tokens';
import { issueSession, type IssuedSession } from './issue-session';
import { newPasswordFault, type Passwords } from './passwords';
import type { TenantAccess } from './ports';
import type { Principal } from './principal';
import { createRefreshToken } from './refresh-tokens';
import type { SessionCheck } from './session-check';
import { revokeSessionsOfUser } from './session-endings.store';
import { findSessionRole, openSession, type Client } from './user-sessions.store';
import { replacePasswordHash } from './users.store';
import type { VerifyOwnPassword } from './verify-own-password';

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
  readonly verifyOwnPassword: VerifyOwnPassword;
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
  const { access, passwords, sessionCheck } = deps;

  return async (principal, { currentPassword, newPassword, client }) => {
    const { tenantId, userId } = principal;
    const fault = newPasswordFault(newPassword);
    if (fault !== undefined) throw badUserInput(`newPassword ${fault}.`, { field: 'newPassword' });
    if (newPassword === currentPassword) {
      throw badUserInput('Expected a new password, got the current one.', { field: 'newPassword' });
    }
    const verifiedHash = await deps.verifyOwnPassword(principal, { currentPassword, client });
    const newHash = await passwords.hash(newPassword);
    const token = createRefreshToken(tenantId, uuidv7());
    const tenant = await access.describe(tenantId);
    const changed = await access.transaction(tenantId, async (sql) => {
      // What is known of the session may be some seconds old, and a second factor have come into force.
      if ((await findSessionRole(sql, principal.sessionId, userId)) === undefined) {
        throw unauthenticated();
      }
      if (!(await replacePasswordHash(sql, { userId, verifiedHash, newHash }))) {
        throw unauthenticated(); // disabled, or changed from elsewhere, since it was verified
      }
      const ended = await revokeSessionsOfUser(sql, userId, 'password_changed');
      const user = await openSession(sql, {
        userId,
        verifiedHash: newHash,
        // Shown when the session was opened that the request comes by.
        secondFactorShown: true,
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
}
