/**
 * The table of log-in sessions. Every change of state is one conditional statement: who comes second
 * finds the condition gone, so nothing is read first and decided afterwards.
 */
import type { SqlRunner } from '../database/statement';
import type { Role } from './principal';
import type { RefreshToken } from './refresh-tokens';
import type { SignedInUser } from './users.store';

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
  // The release before knows no second factor.
  older: { than: '0005_credentials', text: openSessionText('($11::boolean or true)') },
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
