import { badUserInput } from '../errors';
import type { LoginLimits } from './login-limits';
import { isOversizedPassword, type Passwords } from './passwords';
import type { TenantAccess } from './ports';
import type { Principal } from './principal';
import type { Client } from './user-sessions.store';
import { findCredentialsById } from './users.store';

export interface OwnPassword {
  readonly currentPassword: string;
  readonly client: Client;
}

/** @returns the stored hash that it fits; @throws BAD_USER_INPUT, RATE_LIMITED */
export type VerifyOwnPassword = (principal: Principal, given: OwnPassword) => Promise<string>;

/** Under which name a signed-in user's wrong passwords are counted. */
export const ownPasswordAccount = ({
  tenantId,
  userId,
}: Pick<Principal, 'tenantId' | 'userId'>): string => `user:${tenantId}:${userId}`;

/**
 * Asks a signed-in user for their password once more, before what a stolen access token must not be
 * enough for. As limited as log-in is: it must not be a way to try passwords either.
 */
export function createVerifyOwnPassword(deps: {
  readonly access: TenantAccess;
  readonly passwords: Passwords;
  readonly limits: LoginLimits;
}): VerifyOwnPassword {
  const { access, passwords, limits } = deps;

  return async (principal, { currentPassword, client }) => {
    const { tenantId, userId } = principal;
    const wrong = () =>
      badUserInput('The current password is wrong.', { field: 'currentPassword' });
    if (isOversizedPassword(currentPassword)) throw wrong();
    const attempt = await limits.begin(ownPasswordAccount(principal), client.ip);
    try {
      const credentials = await access.run(tenantId, (sql) => findCredentialsById(sql, userId));
      const hash = credentials?.passwordHash ?? undefined;
      if ((await passwords.verify(hash, currentPassword)) && hash !== undefined) {
        await attempt.succeeded();
        return hash;
      }
    } catch (error) {
      await attempt.discounted(); // a database or the hashing was not to be had
      throw error;
    }
    throw wrong();
  };
}
