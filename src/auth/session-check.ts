/**
 * Whether the session of an access token still stands, and which role its user has now.
 *
 * A verdict is asked for with one statement and believed for a few seconds. That is how a log-out, a
 * changed password, a changed role or a disabled user takes effect on every process within that time,
 * without any of them telling the others. On the process that ended a session it is forgotten at once.
 */
import { unauthenticated } from '../errors';
import { maySignIn, refusalOf, type TenantAccess } from './ports';
import type { Principal, Role } from './principal';
import { findSessionRole } from './user-sessions.store';
import { createVerdicts, type VerdictOptions } from './verdicts';

export interface SessionCheck {
  /** @returns the principal with the role its user has now; @throws UNAUTHENTICATED, TENANT_SUSPENDED */
  check(principal: Principal): Promise<Principal>;
  /** What `check` would resolve to, where that is known. */
  known(principal: Principal): Principal | undefined;
  forget(sessionId: string): void;
}

export function createSessionCheck(
  access: Pick<TenantAccess, 'describe' | 'run'>,
  options: VerdictOptions,
): SessionCheck {
  const verdicts = createVerdicts<Role | undefined>(options);

  async function ask({ tenantId, sessionId, userId }: Principal): Promise<Role | undefined> {
    const tenant = await access.describe(tenantId);
    if (tenant === undefined) return undefined;
    const refusal = refusalOf(tenant);
    if (refusal !== undefined) throw refusal;
    if (!maySignIn(tenant)) return undefined;
    return access.run(tenantId, (sql) => findSessionRole(sql, sessionId, userId));
  }

  const aboutWhom = ({ userId, tenantId }: Principal): string => `${userId} ${tenantId}`;
  const withRole = (principal: Principal, role: Role): Principal =>
    role === principal.role ? principal : { ...principal, role };

  return {
    async check(principal) {
      const { sessionId } = principal;
      const role = await verdicts.get(sessionId, aboutWhom(principal), () => ask(principal));
      if (role === undefined) throw unauthenticated();
      return withRole(principal, role);
    },
    known(principal) {
      const role = verdicts.known(principal.sessionId, aboutWhom(principal));
      return role && withRole(principal, role);
    },
    forget: (sessionId) => verdicts.forget(sessionId),
  };
}
