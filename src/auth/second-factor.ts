/**
 * A user's own second factor: set up in two steps (a secret, then a first code that proves the app has
 * it), taken away with the password. Who turns it on is signed out everywhere else: those sessions
 * were opened without it.
 */
import { uuidv7 } from 'uuidv7';
import type { SqlRunner } from '../database/statement';
import { badUserInput, unauthenticated } from '../errors';
import type { LoginLimits } from './login-limits';
import type { SendNotice } from './notices';
import type { TenantAccess, TenantSecrets } from './ports';
import type { Principal } from './principal';
import { createRecoveryCodes, hashRecoveryCode } from './recovery-codes';
import { TOTP_COLUMN, type SecondFactorCheck } from './second-factor-check';
import {
  confirmTotp,
  deleteSecondFactor,
  readSecondFactorState,
  replaceRecoveryCodes,
  storePendingTotp,
  type SecondFactorState,
} from './second-factor.store';
import type { SessionCheck } from './session-check';
import { createTotpSecret, totpUri } from './totp';
import { revokeSessionsOfUser } from './session-endings.store';
import type { Client } from './user-sessions.store';
import { findSignedInUser } from './users.store';
import type { OwnPassword, VerifyOwnPassword } from './verify-own-password';

export interface TotpEnrolment {
  /** In base 32, to be typed into an app. Shown here and never again. */
  readonly secret: string;
  /** The same as `otpauth://` URI, to be shown as a QR code. */
  readonly uri: string;
}

export interface SecondFactor {
  /** Reads through the given runner, for it is a part of a query. */
  state(sql: SqlRunner, principal: Principal): Promise<SecondFactorState>;
  /** @throws BAD_USER_INPUT when the password is wrong or a second factor is in force */
  enrol(principal: Principal, password: OwnPassword): Promise<TotpEnrolment>;
  /** Puts it into force. @returns the recovery codes, shown here and never again */
  confirm(principal: Principal, given: { code: string; client: Client }): Promise<string[]>;
  /** New recovery codes; the earlier ones stop working. */
  regenerateRecoveryCodes(principal: Principal, password: OwnPassword): Promise<string[]>;
  disable(principal: Principal, password: OwnPassword): Promise<void>;
  /** For an admin, when a user has lost both device and codes. Ends the user's sessions. */
  reset(user: { readonly tenantId: string; readonly userId: string }): Promise<void>;
}

export interface SecondFactorDependencies {
  readonly access: TenantAccess;
  readonly secrets: TenantSecrets;
  readonly check: SecondFactorCheck;
  readonly sessionCheck: SessionCheck;
  readonly verifyOwnPassword: VerifyOwnPassword;
  /** Of codes, apart from those of passwords. */
  readonly codeLimits: LoginLimits;
  readonly sendNotice: SendNotice;
}

/** Under which name a user's wrong codes are counted. */
export const codeAccount = (user: { tenantId: string; userId: string }): string =>
  `code:${user.tenantId}:${user.userId}`;

export const wrongCode = () =>
  badUserInput('The code is wrong, or was used before: wait for the next one.', { field: 'code' });

export function createSecondFactor(deps: SecondFactorDependencies): SecondFactor {
  const { access, secrets, check, codeLimits } = deps;

  async function putNewCodes(
    { tenantId, userId }: Principal,
    condition: (sql: SqlRunner) => Promise<boolean>,
  ): Promise<string[] | undefined> {
    const codes = createRecoveryCodes();
    const hashes = codes.flatMap((code) => hashRecoveryCode(userId, code) ?? []);
    const done = await access.transaction(tenantId, async (sql) => {
      if (!(await condition(sql))) return false;
      await replaceRecoveryCodes(sql, userId, hashes);
      return true;
    });
    return done ? codes : undefined;
  }

  const forget = (ended: readonly string[]): void =>
    ended.forEach((sessionId) => deps.sessionCheck.forget(sessionId));

  return {
    state: (sql, { userId }) => readSecondFactorState(sql, userId),

    async enrol(principal, password) {
      const { tenantId, userId } = principal;
      await deps.verifyOwnPassword(principal, password);
      const [tenant, user] = await Promise.all([
        access.describe(tenantId),
        access.run(tenantId, (sql) => findSignedInUser(sql, userId)),
      ]);
      if (tenant === undefined || user === undefined) throw unauthenticated();
      const secret = createTotpSecret();
      const id = uuidv7();
      const place = { rowId: id, column: TOTP_COLUMN };
      const secretSealed = await secrets.seal(tenantId, place, secret);
      const stored = await access.transaction(tenantId, (sql) =>
        storePendingTotp(sql, { id, userId, secretSealed }),
      );
      if (!stored) {
        throw badUserInput('A second factor is in force already: take it away first.', {
          field: 'currentPassword',
        });
      }
      const account = user.email ?? user.name;
      return { secret, uri: totpUri(secret, { issuer: tenant.name, account }) };
    },

    async confirm(principal, { code, client }) {
      const attempt = await codeLimits.begin(codeAccount(principal), client.ip);
      const step = await check.stepOf(principal, code);
      const ended: string[] = [];
      const codes =
        step &&
        (await putNewCodes(principal, async (sql) => {
          if (!(await confirmTotp(sql, step))) return false;
          const { userId, sessionId } = principal;
          ended.push(...(await revokeSessionsOfUser(sql, userId, 'revoked', sessionId)));
          return true;
        }));
      if (codes === undefined) throw wrongCode();
      await attempt.succeeded();
      forget(ended);
      deps.sendNotice(principal, 'A second factor was set up for your account');
      return codes;
    },

    async regenerateRecoveryCodes(principal, password) {
      await deps.verifyOwnPassword(principal, password);
      const codes = await putNewCodes(
        principal,
        async (sql) => (await readSecondFactorState(sql, principal.userId)).enabled,
      );
      if (codes === undefined) {
        throw badUserInput('There is no second factor in force: set one up first.', {
          field: 'currentPassword',
        });
      }
      deps.sendNotice(principal, 'New recovery codes were made for your account');
      return codes;
    },

    async disable(principal, password) {
      const { tenantId, userId } = principal;
      await deps.verifyOwnPassword(principal, password);
      const was = await access.transaction(tenantId, (sql) => deleteSecondFactor(sql, userId));
      if (was) deps.sendNotice(principal, 'The second factor of your account was taken away');
    },

    async reset(user) {
      const { tenantId, userId } = user;
      const { was, ended } = await access.transaction(tenantId, async (sql) => ({
        was: await deleteSecondFactor(sql, userId),
        ended: await revokeSessionsOfUser(sql, userId, 'revoked'),
      }));
      forget(ended);
      if (was)
        deps.sendNotice(user, 'An administrator took away the second factor of your account');
    },
  };
}
