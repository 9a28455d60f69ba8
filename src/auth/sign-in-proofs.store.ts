/**
 * The table of proofs: that whoever holds a family of refresh tokens has shown this user's password.
 * A proof holds while the password is the one that was shown, the user may sign in and has the address
 * of the log-in, and nobody has ended it.
 */
import { uuidv7 } from 'uuidv7';
import type { SqlRunner } from '../database/statement';

export interface NewProof {
  readonly userId: string;
  /** The stored hash that the password was verified against. */
  readonly verifiedHash: string;
  readonly familyHash: Buffer;
  readonly ttlSeconds: number;
}

/** Repeatable. Nothing is recorded when the password changed meanwhile. */
export async function recordProof(
  runner: SqlRunner,
  { userId, verifiedHash, familyHash, ttlSeconds }: NewProof,
): Promise<void> {
  await runner.query({
    text: `
      with lapsed as (
        delete from cloister.sign_in_proofs
        where tenant_id = $1 and user_id = $3 and expires_at < now()
      )
      insert into cloister.sign_in_proofs
        (tenant_id, id, user_id, family_hash, credential_hash, expires_at)
      select $1::uuid, $2::uuid, id, $5::bytea, sha256(convert_to(password_hash, 'UTF8')),
        now() + make_interval(secs => $6)
      from cloister.users
      where tenant_id = $1 and id = $3 and password_hash = $4
        and status = 'active' and deleted_at is null
      on conflict (tenant_id, family_hash) do nothing`,
    values: [runner.localTenantId, uuidv7(), userId, verifiedHash, familyHash, ttlSeconds],
  });
}

export interface ProvenUser {
  readonly userId: string;
  readonly passwordHash: string;
  /** Whether a second factor is in force. */
  readonly secondFactor: boolean;
  /** Whether it was shown by this log-in. */
  readonly secondFactorShown: boolean;
}

/** @param emailKey address of the log-in, normalised: a user who has another is somebody else's */
export async function findProvenUser(
  runner: SqlRunner,
  familyHash: Buffer,
  emailKey: string,
): Promise<ProvenUser | undefined> {
  const [found] = await runner.query<ProvenUser>({
    text: `
      select u.id as "userId", u.password_hash as "passwordHash",
        p.second_factor_at is not null as "secondFactorShown", exists (
          select from cloister.user_totp t
          where t.tenant_id = u.tenant_id and t.user_id = u.id and t.confirmed_at is not null
        ) as "secondFactor"
      from cloister.sign_in_proofs p
      join cloister.users u on u.tenant_id = p.tenant_id and u.id = p.user_id
      where p.tenant_id = $1 and p.family_hash = $2 and p.expires_at > now()
        and p.credential_hash = sha256(convert_to(u.password_hash, 'UTF8'))
        and u.email_key = $3 and u.status = 'active' and u.deleted_at is null`,
    values: [runner.localTenantId, familyHash, emailKey],
  });
  return found;
}

/** Notes that the second factor was shown as well. */
export async function strengthenProof(runner: SqlRunner, familyHash: Buffer): Promise<void> {
  await runner.query({
    text: `update cloister.sign_in_proofs set second_factor_at = now()
           where tenant_id = $1 and family_hash = $2`,
    values: [runner.localTenantId, familyHash],
  });
}
