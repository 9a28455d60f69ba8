/**
 * Whether the session of an access token still stands, and which role its user has now.
 *
 * A verdict is asked for with one statement and believed for a few seconds. That is how a log-out, a
 * changed password, a changed role or a disabled user takes effect on every process within that time,
 * without any of them telling the others. On the process that ended a session it is forgotten at once.
 */
import { LRUCache } from 'lru-cache';
import { tenantSuspended, unauthenticated } from '../errors';
import { maySignIn, type TenantAccess } from './ports';
import type { Principal, Role } from './principal';
import { findSessionRole } from './user-sessions.store';

export interface SessionCheck {
  /** @returns the principal with the role its user has now; @throws UNAUTHENTICATED, TENANT_SUSPENDED */
  check(principal: Principal): Promise<Principal>;
  forget(sessionId: string): void;
}

export interface SessionCheckOptions {
  /** How long a verdict is believed; 0 asks each time. */
  readonly believedForMs: number;
  readonly maxSessions?: number;
  /** Milliseconds, never going back. */
  readonly now?: () => number;
}

interface Verdict {
  /** Whom it is about: a session's id alone says nothing of another user or tenant. */
  readonly principal: Principal;
  readonly askedAt: number;
  readonly role: Promise<Role | undefined>;
}

export function createSessionCheck(
  access: Pick<TenantAccess, 'describe' | 'run'>,
  { believedForMs, maxSessions = 20_000, now = () => performance.now() }: SessionCheckOptions,
): SessionCheck {
  // Holds promises, so whoever comes while the database is asked joins in. A verdict's age counts
  // from the question, not from the answer: a slow database does not stretch it.
  const verdicts = new LRUCache<string, Verdict>({ max: maxSessions });

  async function ask({ tenantId, sessionId, userId }: Principal): Promise<Role | undefined> {
    const tenant = await access.describe(tenantId);
    if (tenant?.status === 'suspended') throw tenantSuspended();
    if (tenant === undefined || !maySignIn(tenant)) return undefined;
    return access.run(tenantId, (sql) => findSessionRole(sql, sessionId, userId));
  }

  function verdictOf(principal: Principal): Verdict {
    const known = verdicts.get(principal.sessionId);
    if (
      known?.principal.tenantId === principal.tenantId &&
      known.principal.userId === principal.userId &&
      now() - known.askedAt < believedForMs
    ) {
      return known;
    }
    const verdict: Verdict = { principal, askedAt: now(), role: ask(principal) };
    verdicts.set(principal.sessionId, verdict);
    verdict.role.catch(() => {
      // A question without an answer is no verdict: the next request asks again.
      if (verdicts.peek(principal.sessionId) === verdict) verdicts.delete(principal.sessionId);
    });
    return verdict;
  }

  return {
    async check(principal) {
      const role = await verdictOf(principal).role;
      if (role === undefined) throw unauthenticated();
      return role === principal.role ? principal : { ...principal, role };
    },
    // A question under way is dropped with its answer: it may have been put before the session ended.
    forget: (sessionId) => void verdicts.delete(sessionId),
  };
}
