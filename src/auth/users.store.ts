import type { SqlRunner } from '../database/statement';
import type { Role } from './principal';

/** A user as sign-in shows them. */
export interface SignedInUser {
  readonly id: string;
  readonly name: string;
  readonly email: string | null;
  readonly role: Role;
}

/** What a user's password is checked against. */
export interface Credentials {
  readonly userId: string;
  readonly passwordHash: string | null;
  readonly status: string;
  /** Whether a second factor is in force. */
  readonly secondFactor: boolean;
}

const credentialsWhere = (condition: string) => {
  const query = (secondFactor: string): string =>
    `select id as "userId", password_hash as "passwordHash", status, ${secondFactor} as "secondFactor"
     from cloister.users u where tenant_id = $1 and ${condition} and deleted_at is null`;
  const text = query(`exists (
    select from cloister.user_totp t
    where t.tenant_id = u.tenant_id and t.user_id = u.id and t.confirmed_at is not null)`);
  return { text, older: { than: '0005_credentials', text: query('false') } };
};
const BY_EMAIL = credentialsWhere('email_key = $2');
const BY_ID = credentialsWhere('id = $2');

/** @param emailKey a normalised address, see `normalizeEmail` */
export async function findCredentialsByEmail(
  runner: SqlRunner,
  emailKey: string,
): Promise<Credentials | undefined> {
  const [row] = await runner.query<Credentials>({
    ...BY_EMAIL,
    values: [runner.localTenantId, emailKey],
  });
  return row;
}

export async function findCredentialsById(
  runner: SqlRunner,
  userId: string,
): Promise<Credentials | undefined> {
  const [row] = await runner.query<Credentials>({
    ...BY_ID,
    values: [runner.localTenantId, userId],
  });
  return row;
}

export async function findSignedInUser(
  runner: SqlRunner,
  userId: string,
): Promise<SignedInUser | undefined> {
  const [row] = await runner.query<SignedInUser>({
    name: 'auth_signed_in_user',
    text: `select id, name, email, role from cloister.users
           where tenant_id = $1 and id = $2 and status = 'active' and deleted_at is null`,
    values: [runner.localTenantId, userId],
  });
  return row;
}

/**
 * Puts a new hash in the place of the one that was just verified.
 * @returns whether it did: false when the password changed or the user was disabled meanwhile
 */
export async function replacePasswordHash(
  runner: SqlRunner,
  change: { readonly userId: string; readonly verifiedHash: string; readonly newHash: string },
): Promise<boolean> {
  const rows = await runner.query<{ id: string }>({
    text: `update cloister.users set password_hash = $4
           where tenant_id = $1 and id = $2 and password_hash = $3
             and status = 'active' and deleted_at is null
           returning id`,
    values: [runner.localTenantId, change.userId, change.verifiedHash, change.newHash],
  });
  return rows.length > 0;
}
