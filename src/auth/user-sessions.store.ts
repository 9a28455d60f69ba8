/**
 * The table of log-in sessions. Every change of state is one conditional statement: who comes second
 * finds the condition gone, so nothing is read first and decided afterwards.
 */
import type { SqlRunner } from '../database/statement';
import type { Role } from './principal';
import type { RefreshToken } from './refresh-tokens';
import type { SignedInUser } from './users.store';

/** Why a session ended before its time; the table's CHECK knows the same words. */
export type RevocationReason =
  'logout' | 'refresh_token_reused' | 'password_changed' | 'user_disabled' | 'revoked';

/** A session that ends takes the way back into its organisation with it. `ended`: what has ended. */
const WITHDRAW_PROOF = `
  delete from cloister.sign_in_proofs p using ended e
  where p.tenant_id = $1 and p.family_hash = e.refresh_family_hash`;

/** The release before has nothing to withdraw, and no links. */
const CREDENTIALS_MIGRATION = '0005_credentials';

/** Ends what `ended` says, and withdraws its proofs where there are any. */
const endingSessions = (ended: string) => ({
  text: `with ended as (${ended}) ${WITHDRAW_PROOF}`,
  older: { than: CREDENTIALS_MIGRATION, text: ended },
});

export interface Client {
  readonly ip: string;
  readonly userAgent: string;
}

export interface NewSession {
  readonly userId: string;
  /** The hash the password was verified against; if it changed since, no session is opened. */
  readonly verifiedHash: string;
  /** A hash of the same password by today's parameters, when the verified one was outdated. */
  readonly rehash?: string | undefined;
  /** Whether the second factor was shown; without it, no session is opened for who has one. */
  readonly secondFactorShown?: boolean;
  readonly token: RefreshToken;
  readonly ttlSeconds: number;
  readonly client: Client;
}

const openSessionText = (factorShown: string): string => `
  with signed_in as (
    update cloister.users set last_login_at = now(), password_hash = $4
    where tenant_id = $1 and id = $2 and password_hash = $3
      and status = 'active' and deleted_at is null
      and ${factorShown}
    returning id, name, email, role
  ), opened as (
    insert into cloister.user_sessions (tenant_id, id, user_id, refresh_family_hash,
      refresh_generation_hash, expires_at, ip, user_agent)
    select $1::uuid, $5::uuid, id, $6::bytea, $7::bytea,
      now() + make_interval(secs => $8), $9::text, $10::text
    from signed_in
    returning 1
  ), forgotten as (
    delete from cloister.user_sessions
    where tenant_id = $1 and user_id = $2 and expires_at < now() - interval '30 days'
  )
  select id, name, email, role from signed_in`;

const OPEN_SESSION = {
  text: openSessionText(`($11 or not exists (
    select from cloister.user_totp
    where tenant_id = $1 and user_id = $2 and confirmed_at is not null))`),
  older: { than: CREDENTIALS_MIGRATION, text: openSessionText('($11::boolean or true)') },
};

/**
 * @returns the user, or undefined when they were disabled, their password changed or a second factor
 *   came into force meanwhile
 */
export async function openSession(
  runner: SqlRunner,
  {
    userId,
    verifiedHash,
    rehash,
    secondFactorShown = false,
    token,
    ttlSeconds,
    client,
  }: NewSession,
): Promise<SignedInUser | undefined> {
  const [user] = await runner.query<SignedInUser>({
    ...OPEN_SESSION,
    values: [
      runner.localTenantId,
      userId,
      verifiedHash,
      rehash ?? verifiedHash,
      token.sessionId,
      token.familyHash,
      token.generationHash,
      ttlSeconds,
      ...clientValues(client),
      secondFactorShown,
    ],
  });
  return user;
}

/**
 * Puts the next generation in the place of the presented one. Of any number of attempts with the same
 * token one succeeds: the others wait for its row and then find another generation there.
 * @returns the user as they are now, or undefined when the token does not hold
 */
export async function rotateSession(
  runner: SqlRunner,
  presented: RefreshToken,
  next: RefreshToken,
  { ttlSeconds, client }: { readonly ttlSeconds: number; readonly client: Client },
): Promise<SignedInUser | undefined> {
  const [user] = await runner.query<SignedInUser>({
    text: `
      update cloister.user_sessions s
      set refresh_generation_hash = $4, last_used_at = now(),
        expires_at = now() + make_interval(secs => $5), ip = $6, user_agent = $7
      from cloister.users u
      where s.tenant_id = $1 and s.id = $2 and s.refresh_generation_hash = $3
        and s.revoked_at is null and s.expires_at > now()
        and u.tenant_id = s.tenant_id and u.id = s.user_id
        and u.status = 'active' and u.deleted_at is null
      returning u.id, u.name, u.email, u.role`,
    values: [
      runner.localTenantId,
      presented.sessionId,
      presented.generationHash,
      next.generationHash,
      ttlSeconds,
      ...clientValues(client),
    ],
  });
  return user;
}

/**
 * Ends the session of a token that was used before: of its family, but not of its generation. A
 * made-up token ends nothing, nor does the right one of a session that no longer holds.
 */
export async function revokeReusedFamily(runner: SqlRunner, token: RefreshToken): Promise<void> {
  await runner.query({
    ...endingSessions(
      `update cloister.user_sessions
             set revoked_at = now(), revoked_reason = 'refresh_token_reused'
             where tenant_id = $1 and id = $2 and refresh_family_hash = $3
               and refresh_generation_hash <> $4 and revoked_at is null
             returning refresh_family_hash`,
    ),
    values: [runner.localTenantId, token.sessionId, token.familyHash, token.generationHash],
  });
}

/** Ends the session of a token of its family, whatever the token's generation. */
export async function revokeFamily(
  runner: SqlRunner,
  token: RefreshToken,
  reason: RevocationReason,
): Promise<void> {
  await runner.query({
    ...endingSessions(
      `update cloister.user_sessions set revoked_at = now(), revoked_reason = $4
             where tenant_id = $1 and id = $2 and refresh_family_hash = $3 and revoked_at is null
             returning refresh_family_hash`,
    ),
    values: [runner.localTenantId, token.sessionId, token.familyHash, reason],
  });
}

export async function revokeSession(
  runner: SqlRunner,
  sessionId: string,
  reason: RevocationReason,
): Promise<void> {
  await runner.query({
    ...endingSessions(
      `update cloister.user_sessions set revoked_at = now(), revoked_reason = $3
             where tenant_id = $1 and id = $2 and revoked_at is null
             returning refresh_family_hash`,
    ),
    values: [runner.localTenantId, sessionId, reason],
  });
}

/** A session of the user's own. @returns whether there was one that stood */
export async function revokeSessionOfUser(
  runner: SqlRunner,
  { sessionId, userId }: { readonly sessionId: string; readonly userId: string },
): Promise<boolean> {
  const rows = await runner.query({
    text: `with ended as (
             update cloister.user_sessions set revoked_at = now(), revoked_reason = 'revoked'
             where tenant_id = $1 and id = $2 and user_id = $3 and revoked_at is null
               and expires_at > now()
             returning id, refresh_family_hash
           ), withdrawn as (${WITHDRAW_PROOF})
           select id from ended`,
    older: {
      than: CREDENTIALS_MIGRATION,
      text: `update cloister.user_sessions set revoked_at = now(), revoked_reason = 'revoked'
             where tenant_id = $1 and id = $2 and user_id = $3 and revoked_at is null
               and expires_at > now()
             returning id, refresh_family_hash`,
    },
    values: [runner.localTenantId, sessionId, userId],
  });
  return rows.length > 0;
}

/**
 * Ends all sessions of a user, with what else would open one: links to a new password, and proofs of
 * log-ins elsewhere.
 * @param keptSessionId a session that goes on, with its proof
 * @returns the ids of those that ended now
 */
export async function revokeSessionsOfUser(
  runner: SqlRunner,
  userId: string,
  reason: RevocationReason,
  keptSessionId: string | null = null,
): Promise<string[]> {
  const rows = await runner.query<{ id: string }>({
    text: `with ended as (
             update cloister.user_sessions set revoked_at = now(), revoked_reason = $3
             where tenant_id = $1 and user_id = $2 and id is distinct from $4 and revoked_at is null
             returning id
           ), withdrawn as (
             delete from cloister.sign_in_proofs
             where tenant_id = $1 and user_id = $2 and family_hash not in (
               select refresh_family_hash from cloister.user_sessions
               where tenant_id = $1 and user_id = $2 and id = $4)
           ), unlinked as (
             delete from cloister.user_tokens
             where tenant_id = $1 and user_id = $2 and purpose = 'password_reset'
           )
           select id from ended`,
    older: {
      than: CREDENTIALS_MIGRATION,
      text: `update cloister.user_sessions set revoked_at = now(), revoked_reason = $3
             where tenant_id = $1 and user_id = $2 and id is distinct from $4 and revoked_at is null
             returning id`,
    },
    values: [runner.localTenantId, userId, reason, keptSessionId],
  });
  return rows.map(({ id }) => id);
}

/** A session as its user sees it in the list of theirs. */
export interface ListedSession {
  readonly id: string;
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
  readonly expiresAt: Date;
  readonly ip: string;
  readonly userAgent: string;
}

/** A user has few; should somebody have made thousands, the latest are what can be looked through. */
const MAX_LISTED_SESSIONS = 100;

/** The sessions of a user that stand, last used first. */
export async function listSessionsOfUser(
  runner: SqlRunner,
  userId: string,
): Promise<ListedSession[]> {
  return runner.query<ListedSession>({
    text: `select id, created_at as "createdAt", last_used_at as "lastUsedAt",
             expires_at as "expiresAt", ip, user_agent as "userAgent"
           from cloister.user_sessions
           where tenant_id = $1 and user_id = $2 and revoked_at is null and expires_at > now()
           order by last_used_at desc, id desc
           limit ${MAX_LISTED_SESSIONS}`,
    values: [runner.localTenantId, userId],
  });
}

/** Whether the token is the current one of a session that stands; it is not used up by that. */
export async function holdsGeneration(runner: SqlRunner, token: RefreshToken): Promise<boolean> {
  const rows = await runner.query({
    text: `select 1 from cloister.user_sessions
           where tenant_id = $1 and id = $2 and refresh_generation_hash = $3
             and revoked_at is null and expires_at > now()`,
    values: [runner.localTenantId, token.sessionId, token.generationHash],
  });
  return rows.length > 0;
}

/** The role its user has now, or undefined when the session no longer stands. */
export async function findSessionRole(
  runner: SqlRunner,
  sessionId: string,
  userId: string,
): Promise<Role | undefined> {
  const [row] = await runner.query<{ role: Role }>({
    name: 'auth_session_role',
    text: `select u.role from cloister.user_sessions s
           join cloister.users u on u.tenant_id = s.tenant_id and u.id = s.user_id
           where s.tenant_id = $1 and s.id = $2 and s.user_id = $3
             and s.revoked_at is null and s.expires_at > now()
             and u.status = 'active' and u.deleted_at is null`,
    values: [runner.localTenantId, sessionId, userId],
  });
  return row?.role;
}

/** Cut to what the columns take: a client writes what it likes into its User-Agent. */
const clientValues = ({ ip, userAgent }: Client): [string, string] => [
  ip.slice(0, 64),
  userAgent.slice(0, 512),
];
