/** The table of links sent by mail. A row is a link that works; using it deletes the row. */
import type { SqlRunner } from '../database/statement';
import type { MailedToken } from './mailed-tokens';

export type TokenPurpose = 'invitation' | 'password_reset';

/** Whom a link goes to. */
export interface Addressee {
  readonly userId: string;
  readonly name: string;
  readonly email: string;
}

/** Who may still take up a link: users in these states. */
const STATUS_FOR: Readonly<Record<TokenPurpose, string>> = {
  invitation: 'invited',
  password_reset: 'active',
};

/** A user has a handful of links at most: older ones give way, so that nobody can fill the table. */
const MAX_LINKS = { invitation: 1, password_reset: 5 } as const;

/** How a user is found: by their id, or by the normalised address. */
export type By = { readonly userId: string } | { readonly emailKey: string };

export interface NewLink {
  readonly purpose: TokenPurpose;
  readonly token: MailedToken;
  readonly ttlSeconds: number;
}

/**
 * Stores a link for the user, if there is one who can use it.
 * @returns whom it goes to, or undefined when there is nobody
 */
export async function issueLink(
  runner: SqlRunner,
  by: By,
  { purpose, token, ttlSeconds }: NewLink,
): Promise<Addressee | undefined> {
  const [found] = await runner.query<Addressee>({
    text: `
      with addressee as (
        select id, name, email, email_key from cloister.users
        where tenant_id = $1 and ${'userId' in by ? 'id = $2' : 'email_key = $2'}
          and status = $3 and email is not null and deleted_at is null
      ), superseded as (
        delete from cloister.user_tokens t
        where tenant_id = $1 and user_id = (select id from addressee) and (
          expires_at < now() or purpose = $4 and id not in (
            select id from cloister.user_tokens
            where tenant_id = $1 and user_id = (select id from addressee) and purpose = $4
            order by created_at desc, id desc limit $5))
      ), issued as (
        insert into cloister.user_tokens (tenant_id, id, user_id, purpose, secret_hash, email_key, expires_at)
        select $1::uuid, $6::uuid, id, $4::text, $7::bytea, email_key,
          now() + make_interval(secs => $8)
        from addressee
        returning 1
      )
      select id as "userId", name, email from addressee`,
    values: [
      runner.localTenantId,
      'userId' in by ? by.userId : by.emailKey,
      STATUS_FOR[purpose],
      purpose,
      MAX_LINKS[purpose] - 1,
      token.tokenId,
      token.secretHash,
      ttlSeconds,
    ],
  });
  return found;
}

/** Whose link it is, as long as it works and they still have the address it went to. */
const WORKING = `
  t.tenant_id = $1 and t.id = $2 and t.secret_hash = $3 and t.purpose = $4 and t.expires_at > now()
  and u.tenant_id = t.tenant_id and u.id = t.user_id and u.email_key = t.email_key
  and u.status = $5 and u.deleted_at is null`;

const valuesOf = (runner: SqlRunner, token: MailedToken, purpose: TokenPurpose) => [
  runner.localTenantId,
  token.tokenId,
  token.secretHash,
  purpose,
  STATUS_FOR[purpose],
];

/** Looks whether a link works, without using it: nothing is hashed for one that does not. */
export async function linkWorks(
  runner: SqlRunner,
  token: MailedToken,
  purpose: TokenPurpose,
): Promise<boolean> {
  const rows = await runner.query({
    text: `select 1 from cloister.user_tokens t, cloister.users u where ${WORKING}`,
    values: valuesOf(runner, token, purpose),
  });
  return rows.length > 0;
}

/**
 * Uses a link: of any number of attempts at once, one gets the user.
 * @returns the user, or undefined when the link does not work (any more)
 */
export async function useLink(
  runner: SqlRunner,
  token: MailedToken,
  purpose: TokenPurpose,
): Promise<{ readonly userId: string; readonly emailKey: string } | undefined> {
  const [used] = await runner.query<{ userId: string; emailKey: string }>({
    text: `delete from cloister.user_tokens t using cloister.users u where ${WORKING}
           returning t.user_id as "userId", t.email_key as "emailKey"`,
    values: valuesOf(runner, token, purpose),
  });
  return used;
}

/** Sets the password of a user whose link was used in the same transaction. */
export async function setPassword(
  runner: SqlRunner,
  { userId, passwordHash }: { readonly userId: string; readonly passwordHash: string },
): Promise<void> {
  await runner.query({
    text: `update cloister.users
           set password_hash = $3, status = 'active', version = version + 1, updated_at = now()
           where tenant_id = $1 and id = $2`,
    values: [runner.localTenantId, userId, passwordHash],
  });
}
