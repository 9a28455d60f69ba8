/**
 * The tables of second factors. Every taking of a code is one conditional statement: of any number of
 * attempts with the same code one succeeds.
 */
import { uuidv7 } from 'uuidv7';
import type { SqlRunner } from '../database/statement';

export interface TotpRow {
  readonly id: string;
  readonly secretSealed: string;
  /** Whether a first code has confirmed it: before that, log-in does not ask for it. */
  readonly confirmed: boolean;
}

export interface SecondFactorState {
  readonly enabled: boolean;
  readonly recoveryCodesLeft: number;
}

export async function findTotp(runner: SqlRunner, userId: string): Promise<TotpRow | undefined> {
  const [row] = await runner.query<TotpRow>({
    text: `select id, secret_sealed as "secretSealed", confirmed_at is not null as confirmed
           from cloister.user_totp where tenant_id = $1 and user_id = $2`,
    values: [runner.localTenantId, userId],
  });
  return row;
}

export async function readSecondFactorState(
  runner: SqlRunner,
  userId: string,
): Promise<SecondFactorState> {
  const [row] = await runner.query<SecondFactorState>({
    text: `select
             exists (select from cloister.user_totp
               where tenant_id = $1 and user_id = $2 and confirmed_at is not null) as enabled,
             (select count(*) from cloister.user_recovery_codes
               where tenant_id = $1 and user_id = $2)::integer as "recoveryCodesLeft"`,
    values: [runner.localTenantId, userId],
  });
  return row ?? { enabled: false, recoveryCodesLeft: 0 };
}

/**
 * Puts a secret that waits for its first code in the place of an earlier one that waited. To be run
 * in a transaction.
 * @returns whether it did: false when one is in force already
 */
export async function storePendingTotp(
  runner: SqlRunner,
  { id, userId, secretSealed }: { id: string; userId: string; secretSealed: string },
): Promise<boolean> {
  await runner.query({
    text: `delete from cloister.user_totp
           where tenant_id = $1 and user_id = $2 and confirmed_at is null`,
    values: [runner.localTenantId, userId],
  });
  const rows = await runner.query({
    text: `insert into cloister.user_totp (tenant_id, id, user_id, secret_sealed)
           values ($1, $2, $3, $4)
           on conflict (tenant_id, user_id) do nothing
           returning id`,
    values: [runner.localTenantId, id, userId, secretSealed],
  });
  return rows.length > 0;
}

export interface TotpStep {
  /** The secret's row: a code says nothing about a secret that came in its place. */
  readonly totpId: string;
  /** The time step that the code belongs to. */
  readonly step: number;
}

/** Puts a secret into force. @returns whether it did: it waited, and the code was not used before */
export async function confirmTotp(runner: SqlRunner, { totpId, step }: TotpStep): Promise<boolean> {
  const rows = await runner.query({
    text: `update cloister.user_totp set confirmed_at = now(), last_step = $3
           where tenant_id = $1 and id = $2 and confirmed_at is null and last_step < $3
           returning id`,
    values: [runner.localTenantId, totpId, step],
  });
  return rows.length > 0;
}

/** @returns whether the code counts: neither it nor a later one was taken before */
export async function takeTotpStep(
  runner: SqlRunner,
  { totpId, step }: TotpStep,
): Promise<boolean> {
  const rows = await runner.query({
    text: `update cloister.user_totp set last_step = $3
           where tenant_id = $1 and id = $2 and confirmed_at is not null and last_step < $3
           returning id`,
    values: [runner.localTenantId, totpId, step],
  });
  return rows.length > 0;
}

/** @returns whether there was such a code; it is gone now */
export async function takeRecoveryCode(
  runner: SqlRunner,
  { userId, codeHash }: { readonly userId: string; readonly codeHash: Buffer },
): Promise<boolean> {
  const rows = await runner.query({
    text: `delete from cloister.user_recovery_codes
           where tenant_id = $1 and user_id = $2 and code_hash = $3
             and exists (select from cloister.user_totp
               where tenant_id = $1 and user_id = $2 and confirmed_at is not null)
           returning id`,
    values: [runner.localTenantId, userId, codeHash],
  });
  return rows.length > 0;
}

/** All earlier codes stop working. To be run in a transaction. */
export async function replaceRecoveryCodes(
  runner: SqlRunner,
  userId: string,
  codeHashes: readonly Buffer[],
): Promise<void> {
  await deleteRecoveryCodes(runner, userId);
  await runner.query({
    text: `insert into cloister.user_recovery_codes (tenant_id, id, user_id, code_hash)
           select $1::uuid, code.id, $2::uuid, code.hash
           from unnest($3::uuid[], $4::bytea[]) as code (id, hash) returning 1`,
    values: [runner.localTenantId, userId, codeHashes.map(() => uuidv7()), codeHashes],
  });
}

/** Takes the second factor away. @returns whether there was one in force. In a transaction. */
export async function deleteSecondFactor(runner: SqlRunner, userId: string): Promise<boolean> {
  await deleteRecoveryCodes(runner, userId);
  const rows = await runner.query<{ confirmed: boolean }>({
    text: `delete from cloister.user_totp where tenant_id = $1 and user_id = $2
           returning confirmed_at is not null as confirmed`,
    values: [runner.localTenantId, userId],
  });
  return rows.some(({ confirmed }) => confirmed);
}

async function deleteRecoveryCodes(runner: SqlRunner, userId: string): Promise<void> {
  await runner.query({
    text: `delete from cloister.user_recovery_codes where tenant_id = $1 and user_id = $2`,
    values: [runner.localTenantId, userId],
  });
}
