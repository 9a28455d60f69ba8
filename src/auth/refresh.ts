import { unauthenticated } from '../errors';
import type { AccessTokens } from './access-tokens';
import { createFirstUse } from './first-use';
import { issueSession, type IssuedSession } from './issue-session';
import { maySignIn, refusalOf, type TenantAccess } from './ports';
import { parseRefreshToken, renewRefreshToken } from './refresh-tokens';
import type { SessionCheck } from './session-check';
import { revokeReusedFamily } from './session-endings.store';
import { rotateSession, type Client } from './user-sessions.store';

export interface RefreshDependencies {
  readonly access: TenantAccess;
  readonly accessTokens: AccessTokens;
  readonly sessionCheck: SessionCheck;
  readonly refreshTokenTtlSeconds: number;
}

export type Refresh = (token: string, client: Client) => Promise<IssuedSession>;

/**
 * Exchanges a refresh token for a new pair. A token is good once: one that was used before ends its
 * session, since either its owner or whoever shows it now has a stolen copy, and no one can tell which.
 *
 * Except while its first use is still being answered: see `first-use.ts`.
 */
export function createRefresh(deps: RefreshDependencies): Refresh {
  const { access, accessTokens, sessionCheck } = deps;
  const firstUse = createFirstUse();

  return (token, client) => firstUse(token, () => rotate(token, client));

  async function rotate(token: string, client: Client): Promise<IssuedSession> {
    const presented = parseRefreshToken(token);
    if (presented === undefined) throw unauthenticated();
    const tenant = await access.describe(presented.tenantId);
    if (tenant === undefined || !maySignIn(tenant)) {
      throw (tenant && refusalOf(tenant)) ?? unauthenticated();
    }

    const next = renewRefreshToken(token);
    const user = await access.run(tenant.id, async (sql) => {
      const ttlSeconds = deps.refreshTokenTtlSeconds;
      const rotated = await rotateSession(sql, presented, next, { ttlSeconds, client });
      if (rotated === undefined) await revokeReusedFamily(sql, presented);
      return rotated;
    });
    if (user === undefined) {
      sessionCheck.forget(presented.sessionId);
      throw unauthenticated();
    }
    return issueSession(accessTokens, tenant, user, next);
  }
}
