/**
 * Signing in, staying in and signing out, for the tenants' API. This file puts the parts together;
 * what each does stands in its own.
 */
import { isAppError, unauthenticated } from '../errors';
import type { FollowUpWork } from '../lib/follow-up-work';
import type { DeliverMail } from '../mail/mail';
import { createAccessTokens } from './access-tokens';
import { bearerTokenOf, presumedTokenOf } from './bearer';
import { createChangePassword, type ChangePassword } from './change-password';
import { createCompleteSignIn, type CompleteSignIn } from './complete-sign-in';
import { createEmailIndexKeyOf } from './email-address';
import { createInvitations, type Invitations } from './invitations';
import { createMemoryLimiter, type CreateLimiter } from './limiters';
import { createLogin, type LoginInput, type LoginOutcome } from './login';
import { CODE_LIMITS, createLoginLimits, type LoginLimitOptions } from './login-limits';
import { createSendNotice } from './notices';
import { createOrganisations, type Organisations } from './organisations';
import { createOwnSessions, type OwnSessions } from './own-sessions';
import { createPasswordReset, type PasswordReset } from './password-reset';
import { createPasswords, type Passwords } from './passwords';
import type { EmailIndex, TenantAccess, TenantDescription, TenantSecrets } from './ports';
import type { Principal } from './principal';
import { createProveElsewhere } from './prove-elsewhere';
import { createRefresh, type Refresh } from './refresh';
import { parseRefreshToken } from './refresh-tokens';
import { PER_HOUR, createRequestLimit } from './request-limit';
import { createSecondFactor, type SecondFactor } from './second-factor';
import { createSecondFactorChallenges } from './second-factor-challenges';
import { createSecondFactorCheck } from './second-factor-check';
import { createSessionCheck } from './session-check';
import {
  revokeFamily,
  revokeSession,
  revokeSessionsOfUser,
  type RevocationReason,
} from './session-endings.store';
import { parseTokenKeys } from './token-keys';
import { createVerifyOwnPassword } from './verify-own-password';

export interface AuthService {
  login(input: LoginInput): Promise<LoginOutcome>;
  /** The second step of a log-in that asks for one. */
  completeSignIn: CompleteSignIn;
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
  /** The same where it is known without asking anybody; else undefined, and nothing is said yet. */
  recognise(authorization: string | undefined): Principal | undefined;
  changePassword: ChangePassword;
  revokeSession(tenantId: string, sessionId: string, reason: RevocationReason): Promise<void>;
  /** To be called when a user is disabled or deleted. */
  revokeSessionsOfUser(tenantId: string, userId: string, reason: RevocationReason): Promise<void>;
  /** The tenant a principal is signed in to. @throws UNAUTHENTICATED when there is none any more */
  getTenant(principal: Principal): Promise<TenantDescription>;
  readonly sessions: OwnSessions;
  readonly organisations: Organisations;
  readonly secondFactor: SecondFactor;
  readonly invitations: Invitations;
  readonly passwordReset: PasswordReset;
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
  /** Counts attempts; in this process alone when absent. */
  readonly createLimiter?: CreateLimiter;
  readonly secrets: TenantSecrets;
  readonly deliverMail: DeliverMail;
  /** What answers do not wait for; its owner closes it. */
  readonly followUps: FollowUpWork;
  /** Where the front end is, without a slash at its end: mailed links lead there. */
  readonly publicUrl: string;
  /** Milliseconds since the epoch, for one-time codes; for tests. */
  readonly now?: () => number;
  /** Refused log-ins are answered at multiples of this; shorter in tests. */
  readonly refusalBeatMs?: number;
}

/** @throws TokenKeysError when the signing keys are no keys, see `parseTokenKeys` */
export function createAuthService(deps: AuthDependencies): AuthService {
  const { config, emailIndex, access, passwords = createPasswords() } = deps;
  const { secrets, deliverMail, followUps, publicUrl, createLimiter = createMemoryLimiter } = deps;
  const limits = createLoginLimits(deps.loginLimits, createLimiter);
  const codeLimits = createLoginLimits(CODE_LIMITS, createLimiter, 'code');
  const limit = (name: string, points: number) =>
    createRequestLimit(createLimiter, { name, points, ...PER_HOUR });
  const signing = {
    keys: parseTokenKeys(config.jwtKeys),
    issuer: config.issuer,
    audience: config.audience,
    ...(deps.now === undefined ? {} : { now: deps.now }),
  };
  const accessTokens = createAccessTokens({ ...signing, ttlSeconds: config.accessTokenTtlSeconds });
  const challenges = createSecondFactorChallenges(signing);
  const sessionCheck = createSessionCheck(access, { believedForMs: config.sessionCheckMs });
  const { refreshTokenTtlSeconds } = config;
  const emailIndexKeyOf = createEmailIndexKeyOf(config.emailIndexKey);
  const sendNotice = createSendNotice({ access, deliver: deliverMail, followUps });
  const check = createSecondFactorCheck({ access, secrets, now: deps.now });
  const verifyOwnPassword = createVerifyOwnPassword({ access, passwords, limits });
  const linkLimit = limit('mailed-link-address', 100);
  const parts = {
    ...{ access, accessTokens, challenges, check, codeLimits, deliverMail, emailIndex },
    ...{ emailIndexKeyOf, followUps, limits, passwords, publicUrl, refreshTokenTtlSeconds },
    ...{ secrets, sendNotice, sessionCheck, verifyOwnPassword },
  };

  const service: AuthService = {
    login: createLogin({
      ...parts,
      proveElsewhere: createProveElsewhere(parts),
      ...(deps.refusalBeatMs !== undefined && { refusalBeatMs: deps.refusalBeatMs }),
    }),
    completeSignIn: createCompleteSignIn(parts),
    refresh: createRefresh(parts),
    changePassword: createChangePassword(parts),
    sessions: createOwnSessions(access, sessionCheck),
    organisations: createOrganisations(parts),
    secondFactor: createSecondFactor(parts),
    invitations: createInvitations({
      ...parts,
      sendLimit: limit('invitation-tenant', 200),
      linkLimit,
    }),
    passwordReset: createPasswordReset({
      ...parts,
      loginLimits: limits,
      limits: {
        perAccount: limit('password-reset-account', 5),
        perAddress: limit('password-reset-address', 50),
        links: linkLimit,
      },
    }),

    recognise(authorization) {
      const token = authorization === undefined ? undefined : presumedTokenOf(authorization);
      const principal = token === undefined ? undefined : accessTokens.known(token);
      return principal && sessionCheck.known(principal);
    },

    async authenticate(authorization) {
      if (authorization === undefined) return undefined;
      const token = bearerTokenOf(authorization);
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
