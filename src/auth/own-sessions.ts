/** What a user does about their own sessions, and an admin about a user's. */
import type { SqlRunner } from '../database/statement';
import type { TenantAccess } from './ports';
import type { Principal } from './principal';
import type { SessionCheck } from './session-check';
import { revokeSessionOfUser, revokeSessionsOfUser } from './session-endings.store';
import { listSessionsOfUser, type ListedSession } from './user-sessions.store';

export interface OwnSessions {
  /** Reads through the given runner, for a list is a part of a query. */
  list(sql: SqlRunner, principal: Principal): Promise<ListedSession[]>;
  /** @returns whether it was a session of the user's own that stood */
  revoke(principal: Principal, sessionId: string): Promise<boolean>;
  /** Ends all but the present one. @returns how many ended */
  revokeOthers(principal: Principal): Promise<number>;
}

export function createOwnSessions(
  access: Pick<TenantAccess, 'run'>,
  sessionCheck: Pick<SessionCheck, 'forget'>,
): OwnSessions {
  return {
    list: (sql, { userId }) => listSessionsOfUser(sql, userId),
    async revoke({ tenantId, userId }, sessionId) {
      const ended = await access.run(tenantId, (sql) =>
        revokeSessionOfUser(sql, { sessionId, userId }),
      );
      if (ended) sessionCheck.forget(sessionId);
      return ended;
    },
    async revokeOthers({ tenantId, userId, sessionId }) {
      const ended = await access.run(tenantId, (sql) =>
        revokeSessionsOfUser(sql, userId, 'revoked', sessionId),
      );
      ended.forEach((id) => sessionCheck.forget(id));
      return ended.length;
    },
  };
}
