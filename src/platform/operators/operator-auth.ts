/**
 * Signing in, staying in and signing out, for operators: the parts are those of the tenants' log-in,
 * over the registry instead of a tenant's data source. An unknown e-mail, a wrong password and a
 * disabled operator get the same answer at the same cost.
 */
import type { Knex } from 'knex';
import { uuidv7 } from 'uuidv7';
import { bearerTokenOf } from '../../auth/bearer';
import { normalizeEmail } from '../../auth/email-address';
import { createFirstUse } from '../../auth/first-use';
import type { CreateLimiter } from '../../auth/limiters';
import { createLoginLimits, type LoginLimitOptions } from '../../auth/login-limits';
import type { OperatorPrincipal, OperatorRole } from '../../auth/operator-principal';
import { padFailures } from '../../auth/pad-failures';
import { isOversizedPassword, newPasswordFault, type Passwords } from '../../auth/passwords';
import type { NewRefreshToken } from '../../auth/refresh-tokens';
import { parseTokenKeys } from '../../auth/token-keys';
import type { Client } from '../../auth/user-sessions.store';
import { createVerdicts } from '../../auth/verdicts';
import type { Config } from '../../config';
import {
  badUserInput,
  invalidCredentials,
  isAppError,
  tenantUnavailable,
  unauthenticated,
} from '../../errors';
import { HOUR, SECOND } from '../../lib/duration';
import { actingAs } from '../../tenancy/acting-as';
import { actorOf } from './operator-actor';
import { createOperatorTokens, operatorRefreshTokens } from './operator-tokens';
import {
  findOperatorCredentials,
  findOperatorSessionRole,
  openOperatorSession,
  revokeOperatorFamily,
  revokeOperatorSession,
  revokeReusedOperatorSession,
  revokeSessionsOfOperator,
  rotateOperatorSession,
  type SignedInOperator,
} from './operators.store';

export interface OperatorSession {
  readonly operator: SignedInOperator;
  readonly accessToken: string;
  readonly accessTokenExpiresAt: Date;
  readonly refreshToken: string;
}

export interface OperatorLogin {
  readonly email: string;
  readonly password: string;
  readonly client: Client;
}

export interface OperatorAuth {
  /** @throws UNAUTHENTICATED, RATE_LIMITED, BAD_USER_INPUT (password too long) */
  login(input: OperatorLogin): Promise<OperatorSession>;
  /** @throws UNAUTHENTICATED for a token that does not hold; one used before ends its session */
  refresh(token: string, client: Client): Promise<OperatorSession>;
  /** @throws UNAUTHENTICATED for any header that is not an operator's good Bearer token */
  authenticate(authorization: string | undefined): Promise<OperatorPrincipal | undefined>;
  logout(by: {
    readonly principal?: OperatorPrincipal | undefined;
    readonly refreshToken?: string | undefined;
  }): Promise<void>;
  /** Ends all sessions of the operator and opens a new one. @throws BAD_USER_INPUT, RATE_LIMITED */
  changePassword(
    principal: OperatorPrincipal,
    input: {
      readonly currentPassword: string;
      readonly newPassword: string;
      readonly client: Client;
    },
  ): Promise<OperatorSession>;
  /** So that what this process ended itself holds at once here; elsewhere within seconds. */
  forget(sessionIds: readonly string[]): void;
}

export interface OperatorAuthDependencies {
  readonly config: Config['auth'];
  readonly registryDb: Knex;
  readonly passwords: Passwords;
  readonly loginLimits?: LoginLimitOptions;
  /** Counts for all processes together; for this process alone when left out. */
  readonly createLimiter?: CreateLimiter;
  /** Refusals come at multiples of this. */
  readonly refusalBeatMs?: number;
}

const REFUSAL_BEAT_MS = 250;
/** A session that is not used for so long is over: what operators can do is worth a log-in a day. */
const SESSION_TTL_SECONDS = (12 * HOUR) / SECOND;

export function createOperatorAuth(deps: OperatorAuthDependencies): OperatorAuth {
  const { config, registryDb, passwords, refusalBeatMs = REFUSAL_BEAT_MS } = deps;
  const limits = createLoginLimits(deps.loginLimits, deps.createLimiter, 'operator');
  const firstUse = createFirstUse();
  const ttlSeconds = Math.min(SESSION_TTL_SECONDS, config.refreshTokenTtlSeconds);
  const verdicts = createVerdicts<OperatorRole | undefined>({
    believedForMs: config.sessionCheckMs,
  });
  const accessTokens = createOperatorTokens({
    keys: parseTokenKeys(config.jwtKeys),
    issuer: config.issuer,
    audience: config.audience,
    ttlSeconds: config.accessTokenTtlSeconds,
  });

  function issue(operator: SignedInOperator, refresh: NewRefreshToken): OperatorSession {
    const { id: operatorId, email, role } = operator;
    const { token, expiresAt } = accessTokens.issue({
      operatorId,
      email,
      role,
      sessionId: refresh.sessionId,
    });
    return {
      operator,
      accessToken: token,
      accessTokenExpiresAt: expiresAt,
      refreshToken: refresh.token,
    };
  }

  /** @returns who the password belongs to, and the hash it fits; limited as log-in is. */
  async function verify(email: string, password: string, address: string) {
    const attempt = await limits.begin(email, address);
    try {
      const found = await reached(findOperatorCredentials(registryDb, email));
      const usable = found?.status === 'active' ? found : undefined;
      const fits = await passwords.verify(usable?.passwordHash, password);
      if (!fits || usable === undefined) return undefined;
      await attempt.succeeded();
      return usable;
    } catch (error) {
      await attempt.discounted(); // the registry or the hashing was not to be had
      throw error;
    }
  }

  async function signIn({ email, password, client }: OperatorLogin): Promise<OperatorSession> {
    const credentials = await verify(email, password, client.ip);
    if (credentials === undefined) throw invalidCredentials();
    const { id: operatorId, passwordHash: verifiedHash } = credentials;
    const newHash = passwords.isOutdated(verifiedHash)
      ? await passwords.hash(password)
      : verifiedHash;
    const token = operatorRefreshTokens.create(operatorId, uuidv7());
    const operator = await reached(
      actingAs(registryDb, actorOf({ email }), (_registry, trx) =>
        openOperatorSession(trx, { operatorId, verifiedHash, newHash, token, ttlSeconds, client }),
      ),
    );
    if (operator === undefined) throw invalidCredentials();
    return issue(operator, token);
  }

  async function rotate(token: string, client: Client): Promise<OperatorSession> {
    const presented = operatorRefreshTokens.parse(token);
    if (presented === undefined) throw unauthenticated();
    const next = operatorRefreshTokens.renew(token);
    const operator = await reached(
      rotateOperatorSession(registryDb, presented, next, { ttlSeconds, client }),
    );
    if (operator !== undefined) return issue(operator, next);
    await reached(revokeReusedOperatorSession(registryDb, presented));
    verdicts.forget(presented.sessionId);
    throw unauthenticated();
  }

  return {
    async login({ email, password, client }) {
      refuseOversized(password, 'password');
      return padFailures(refusalBeatMs, () =>
        signIn({ email: normalizeEmail(email), password, client }),
      );
    },

    refresh: (token, client) => firstUse(token, () => rotate(token, client)),

    async authenticate(authorization) {
      if (authorization === undefined) return undefined;
      const token = bearerTokenOf(authorization);
      if (token === undefined) throw unauthenticated();
      const principal = accessTokens.verify(token);
      const { sessionId, operatorId } = principal;
      const role = await verdicts.get(sessionId, operatorId, () =>
        reached(findOperatorSessionRole(registryDb, sessionId, operatorId)),
      );
      if (role === undefined) {
        accessTokens.forget(token);
        throw unauthenticated();
      }
      return role === principal.role ? principal : { ...principal, role };
    },

    async logout({ principal, refreshToken }) {
      const presented =
        refreshToken === undefined ? undefined : operatorRefreshTokens.parse(refreshToken);
      if (principal !== undefined) {
        await reached(
          actingAs(registryDb, actorOf(principal), (_registry, trx) =>
            revokeOperatorSession(trx, principal.sessionId, 'logout'),
          ),
        );
        verdicts.forget(principal.sessionId);
      }
      if (presented === undefined || presented.sessionId === principal?.sessionId) return;
      await reached(revokeOperatorFamily(registryDb, presented, 'logout'));
      verdicts.forget(presented.sessionId);
    },

    async changePassword(principal, { currentPassword, newPassword, client }) {
      refuseOversized(currentPassword, 'currentPassword');
      const fault = newPasswordFault(newPassword);
      if (fault !== undefined)
        throw badUserInput(`newPassword ${fault}.`, { field: 'newPassword' });
      const credentials = await verify(principal.email, currentPassword, client.ip);
      if (credentials === undefined) {
        throw badUserInput('The current password is wrong.', { field: 'currentPassword' });
      }
      const { id: operatorId, passwordHash: verifiedHash } = credentials;
      const newHash = await passwords.hash(newPassword);
      const token = operatorRefreshTokens.create(operatorId, uuidv7());
      const changed = await reached(
        actingAs(registryDb, actorOf(principal), async (_registry, trx) => {
          const ended = await revokeSessionsOfOperator(trx, operatorId, 'password_changed');
          const session = { operatorId, verifiedHash, newHash, token, ttlSeconds, client };
          const operator = await openOperatorSession(trx, session);
          if (operator === undefined) throw unauthenticated();
          return { operator, ended };
        }),
      );
      changed.ended.forEach((sessionId) => verdicts.forget(sessionId));
      return issue(changed.operator, token);
    },

    forget: (sessionIds) => sessionIds.forEach((sessionId) => verdicts.forget(sessionId)),
  };
}

function refuseOversized(password: string, field: string): void {
  if (!isOversizedPassword(password)) return;
  throw badUserInput('Expected a password of at most 1024 bytes.', { field });
}

/** Operators live in the registry: without it nobody can sign in, and they are told why. */
async function reached<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw isAppError(error) ? error : tenantUnavailable('REGISTRY_UNREACHABLE', error);
  }
}
