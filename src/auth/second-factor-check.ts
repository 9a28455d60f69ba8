/** Whether a code is the second factor of a user, now: one from their app, or a recovery code. */
import type { TenantAccess, TenantSecrets } from './ports';
import { hashRecoveryCode } from './recovery-codes';
import { findTotp, takeRecoveryCode, takeTotpStep, type TotpStep } from './second-factor.store';
import { totpStepOf } from './totp';

export interface SecondFactorCheck {
  /** Takes the code: it is good once. @returns whether it was right */
  take(user: UserOfTenant, code: string): Promise<boolean>;
  /** Which step of a secret that waits for its first code, or is in force, a code belongs to. */
  stepOf(user: UserOfTenant, code: string): Promise<TotpStep | undefined>;
}

export interface UserOfTenant {
  readonly tenantId: string;
  readonly userId: string;
}

export const TOTP_COLUMN = 'secret_sealed';

export function createSecondFactorCheck(deps: {
  readonly access: TenantAccess;
  readonly secrets: TenantSecrets;
  /** Milliseconds since the epoch; for tests. */
  readonly now?: (() => number) | undefined;
}): SecondFactorCheck {
  const { access, secrets, now = Date.now } = deps;

  const check: SecondFactorCheck = {
    async take(user, code) {
      const { tenantId, userId } = user;
      const codeHash = hashRecoveryCode(userId, code);
      if (codeHash !== undefined) {
        return access.run(tenantId, (sql) => takeRecoveryCode(sql, { userId, codeHash }));
      }
      const step = await check.stepOf(user, code);
      return step !== undefined && access.run(tenantId, (sql) => takeTotpStep(sql, step));
    },

    async stepOf({ tenantId, userId }, code) {
      const totp = await access.run(tenantId, (sql) => findTotp(sql, userId));
      if (totp === undefined) return undefined;
      const place = { rowId: totp.id, column: TOTP_COLUMN };
      const secret = await secrets.open(tenantId, place, totp.secretSealed);
      const step = totpStepOf(secret, code.replace(/\s/g, ''), now());
      return step === undefined ? undefined : { totpId: totp.id, step };
    },
  };
  return check;
}
