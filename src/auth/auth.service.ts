/**
 * Signing in, staying in and signing out, for the tenants' API. This file puts the parts together;
 * what each does stands in its own.
 */
import { isAppError, unauthenticated } from '../errors';
import { createAccessTokens } from './access-tokens';
import { createChangePassword, type ChangePassword } from './change-password';
import { createEmailIndexKeyOf } from './email-address';
import { createLogin, type LoginInput, type LoginOutcome } from './login';
import { createLoginLimits, type LoginLimitOptions } from './login-limits';
import { createPasswords, type Passwords } from './passwords';
import type { EmailIndex, TenantAccess, TenantDescription } from './ports';
import type { Principal } from './principal';
import { createRefresh, type Refresh } from './refresh';
import { parseRefreshToken } from './refresh-tokens';
import { createSessionCheck } from './session-check';
import { parseTokenKeys } from './token-keys';
import {
  revokeFamily,
  revokeSession,
  revokeSessionsOfUser,
  type RevocationReason,
} from './user-sessions.store';

export interface AuthService {
  login(input: LoginInput): Promise<LoginOutcome>;
  /** @throws UNAUTHENTICATED for a token that does not hold; one used before ends its session */
  refresh: Refresh;
  /** Ends the principal's session and the refresh token's; one that does not hold is no error. */
  logout(by: {
    readonly principal?: Principal | undefined;
    readonly refreshToken?: string | undefined;
  }): Promise<void>;
  /**
   * Who sends the request, by its Authorization header; undefined without one.
   * @throws UNAUTHENTICATED for any header that is not a good Bearer token, TENANT_SUSPENDED
   */
  authenticate(authorization: string | undefined): Promise<Principal | undefined>;
  changePassword: ChangePassword;
  revokeSession(tenantId: string, sessionId: string, reason: RevocationReason): Promise<void>;
  /** To be called when a user is disabled or deleted. */
  revokeSessionsOfUser(tenantId: string, userId: string, reason: RevocationReason): Promise<void>;
  /** The tenant a principal is signed in to. @throws UNAUTHENTICATED when there is none any more */
  getTenant(principal: Principal): Promise<TenantDescription>;
}

/** The part of the configuration that authentication reads. */
export interface AuthConfig {
  readonly jwtKeys: string;
  readonly issuer: string;
  readonly audience: string;
  readonly accessTokenTtlSeconds: number;
  readonly refreshTokenTtlSeconds: number;
  readonly sessionCheckMs: number;
  readonly emailIndexKey: string;
}

export interface AuthDependencies {
  readonly config: AuthConfig;
  readonly emailIndex: EmailIndex;
  readonly access: TenantAccess;
  /** One for the process, for it bounds how much is hashed at once. */
  readonly passwords?: Passwords;
  readonly loginLimits?: LoginLimitOptions;
  /** Refused log-ins are answered at multiples of this; shorter in tests. */
  readonly refusalBeatMs?: number;
}

/** RFC 9110: the scheme in any case. RFC 6750: one space, and a token in the alphabet of a JWT. */
const BEARER = /^bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i;

/** @throws TokenKeysError when the signing keys are no keys, see `parseTokenKeys` */
export function createAuthService(deps: AuthDependencies): AuthService {
  const { config, emailIndex, access, passwords = createPasswords() } = deps;
  const limits = createLoginLimits(deps.loginLimits);
  const accessTokens = createAccessTokens({
    keys: parseTokenKeys(config.jwtKeys),
    issuer: config.issuer,
    audience: config.audience,
    ttlSeconds: config.accessTokenTtlSeconds,
  });
  const sessionCheck = createSessionCheck(access, { believedForMs: config.sessionCheckMs });
  const { refreshTokenTtlSeconds } = config;
  const parts = { access, accessTokens, sessionCheck, passwords, limits, refreshTokenTtlSeconds };

  const service: AuthService = {
    login: createLogin({
      ...parts,
      emailIndex,
      emailIndexKeyOf: createEmailIndexKeyOf(config.emailIndexKey),
      ...(deps.refusalBeatMs !== undefined && { refusalBeatMs: deps.refusalBeatMs }),
    }),
    refresh: createRefresh(parts),
    changePassword: createChangePassword(parts),

    async authenticate(authorization) {
      if (authorization === undefined) return undefined;
      const token = BEARER.exec(authorization)?.[1];
      if (token === undefined) throw unauthenticated();
      const principal = accessTokens.verify(token);
      try {
        return await sessionCheck.check(principal);
      } catch (error) {
        if (isAppError(error) && error.code === 'UNAUTHENTICATED') accessTokens.forget(token);
        throw error;
      }
    },

    async logout({ principal, refreshToken }) {
      if (principal !== undefined) {
        await service.revokeSession(principal.tenantId, principal.sessionId, 'logout');
      }
      const presented = refreshToken === undefined ? undefined : parseRefreshToken(refreshToken);
      if (presented === undefined || presented.sessionId === principal?.sessionId) return;
      if ((await access.describe(presented.tenantId)) === undefined) return;
      await access.run(presented.tenantId, (sql) => revokeFamily(sql, presented, 'logout'));
      sessionCheck.forget(presented.sessionId);
    },

    async revokeSession(tenantId, sessionId, reason) {
      await access.run(tenantId, (sql) => revokeSession(sql, sessionId, reason));
      sessionCheck.forget(sessionId);
    },

    async revokeSessionsOfUser(tenantId, userId, reason) {
      const ended = await access.run(tenantId, (sql) => revokeSessionsOfUser(sql, userId, reason));
      ended.forEach((sessionId) => sessionCheck.forget(sessionId));
    },

    async getTenant({ tenantId }) {
      const tenant = await access.describe(tenantId);
      if (tenant === undefined) throw unauthenticated();
      return tenant;
    },
  };
  return service;
}
