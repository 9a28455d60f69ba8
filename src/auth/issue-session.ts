import type { AccessTokens } from './access-tokens';
import type { TenantDescription } from './ports';
import type { NewRefreshToken } from './refresh-tokens';
import type { SignedInUser } from './users.store';

/** What a client gets when it signs in or refreshes. Tokens are shown here and kept nowhere. */
export interface IssuedSession {
  readonly tenant: TenantDescription;
  readonly user: SignedInUser;
  readonly accessToken: string;
  readonly accessTokenExpiresAt: Date;
  readonly refreshToken: string;
}

export function issueSession(
  accessTokens: AccessTokens,
  tenant: TenantDescription,
  user: SignedInUser,
  refreshToken: NewRefreshToken,
): IssuedSession {
  const { token, expiresAt } = accessTokens.issue({
    userId: user.id,
    tenantId: tenant.id,
    sessionId: refreshToken.sessionId,
    role: user.role,
    family: refreshToken.familyHash.toString('base64url'),
  });
  return {
    tenant,
    user,
    accessToken: token,
    accessTokenExpiresAt: expiresAt,
    refreshToken: refreshToken.token,
  };
}
