/**
 * Operators and their sessions, in the registry. Every change of a session's state is one conditional
 * statement: who comes second finds the condition gone.
 */
import type { Knex } from 'knex';
import type { OperatorRole } from '../../auth/operator-principal';
import type { RefreshToken } from '../../auth/refresh-tokens';
import type { Client } from '../../auth/user-sessions.store';

export interface OperatorRow {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: OperatorRole;
  readonly status: 'active' | 'disabled';
  readonly lastLoginAt: Date | null;
  readonly createdAt: Date;
}

export type SignedInOperator = Pick<OperatorRow, 'id' | 'email' | 'name' | 'role'>;

/** Why a session ended before its time; the table's CHECK knows the same words. */
export type OperatorRevocation =
  'logout' | 'refresh_token_reused' | 'password_changed' | 'operator_disabled' | 'revoked';

export interface OperatorCredentials {
  readonly id: string;
  readonly passwordHash: string;
  readonly status: OperatorRow['status'];
}

/** A knex or a transaction. */
type Db = Knex;

const COLUMNS = {
  id: 'id',
  email: 'email',
  name: 'name',
  role: 'role',
  status: 'status',
  lastLoginAt: 'last_login_at',
  createdAt: 'created_at',
} as const satisfies Record<keyof OperatorRow, string>;

const operators = (db: Db) => db<OperatorRow>('registry.operators').select(COLUMNS);

export const listOperators = async (db: Db): Promise<OperatorRow[]> =>
  operators(db).orderBy('email');

/** @param email normalised, here and below */
export const findOperatorByEmail = (db: Db, email: string): Promise<OperatorRow | undefined> =>
  operators(db).where({ email }).first();

export const findOperator = (db: Db, id: string): Promise<OperatorRow | undefined> =>
  operators(db).where({ id }).first();

export const findOperatorCredentials = async (
  db: Db,
  email: string,
): Promise<OperatorCredentials | undefined> =>
  db('registry.operators').where({ email }).first<OperatorCredentials | undefined>({
    id: 'id',
    passwordHash: 'password_hash',
    status: 'status',
  });

export async function insertOperator(
  db: Db,
  { passwordHash, ...operator }: SignedInOperator & { readonly passwordHash: string },
): Promise<void> {
  await db('registry.operators').insert({ ...operator, password_hash: passwordHash });
}

export async function updateOperator(
  db: Db,
  id: string,
  change: {
    readonly passwordHash?: string;
    readonly status?: OperatorRow['status'];
    readonly role?: OperatorRole;
  },
): Promise<void> {
  const { passwordHash, ...columns } = change;
  await db('registry.operators')
    .where({ id })
    .update({
      ...columns,
      ...(passwordHash === undefined ? {} : { password_hash: passwordHash }),
      updated_at: db.fn.now(),
    });
}

/** Of those who can sign in, and locked: two who take each other's role away wait for one another. */
export const lockActiveOwners = async (db: Db): Promise<string[]> =>
  db('registry.operators')
    .where({ role: 'owner', status: 'active' })
    .orderBy('id')
    .forUpdate()
    .pluck('id');

export interface NewOperatorSession {
  readonly operatorId: string;
  /** The hash the password was verified against; if it changed since, no session is opened. */
  readonly verifiedHash: string;
  readonly newHash: string;
  readonly token: RefreshToken;
  readonly ttlSeconds: number;
  readonly client: Client;
}

/** @returns the operator, or undefined when disabled or given another password meanwhile */
export async function openOperatorSession(
  db: Db,
  { operatorId, verifiedHash, newHash, token, ttlSeconds, client }: NewOperatorSession,
): Promise<SignedInOperator | undefined> {
  const { rows } = await db.raw<{ rows: SignedInOperator[] }>(
    `with signed_in as (
       update registry.operators set last_login_at = now(), password_hash = :newHash
       where id = :operatorId and password_hash = :verifiedHash and status = 'active'
       returning id, email, name, role
     ), opened as (
       insert into registry.operator_sessions (id, operator_id, refresh_family_hash,
         refresh_generation_hash, expires_at, ip, user_agent)
       select cast(:sessionId as uuid), id, cast(:familyHash as bytea), cast(:generationHash as bytea),
         now() + make_interval(secs => :ttlSeconds), cast(:ip as text), cast(:userAgent as text)
       from signed_in
     ), forgotten as (
       delete from registry.operator_sessions
       where operator_id = :operatorId and expires_at < now() - interval '30 days'
     )
     select id, email, name, role from signed_in`,
    { operatorId, verifiedHash, newHash, ttlSeconds, ...hashesOf(token), ...clientOf(client) },
  );
  return rows[0];
}

/** Puts the next generation in the place of the presented one; of any number of attempts one succeeds. */
export async function rotateOperatorSession(
  db: Db,
  presented: RefreshToken,
  next: RefreshToken,
  { ttlSeconds, client }: { readonly ttlSeconds: number; readonly client: Client },
): Promise<SignedInOperator | undefined> {
  const { rows } = await db.raw<{ rows: SignedInOperator[] }>(
    `update registry.operator_sessions s
     set refresh_generation_hash = :nextHash, last_used_at = now(),
       expires_at = now() + make_interval(secs => :ttlSeconds), ip = :ip, user_agent = :userAgent
     from registry.operators o
     where s.id = :sessionId and s.operator_id = :operatorId
       and s.refresh_generation_hash = :generationHash
       and s.revoked_at is null and s.expires_at > now()
       and o.id = s.operator_id and o.status = 'active'
     returning o.id, o.email, o.name, o.role`,
    {
      ...hashesOf(presented),
      operatorId: presented.tenantId,
      nextHash: next.generationHash,
      ttlSeconds,
      ...clientOf(client),
    },
  );
  return rows[0];
}

/** Ends the session of a token that was used before: of its family, but not of its generation. */
export async function revokeReusedOperatorSession(db: Db, token: RefreshToken): Promise<void> {
  await openSessions(db)
    .where({ id: token.sessionId, refresh_family_hash: token.familyHash })
    .whereNot('refresh_generation_hash', token.generationHash)
    .update(revoked(db, 'refresh_token_reused'));
}

export async function revokeOperatorFamily(
  db: Db,
  token: RefreshToken,
  reason: OperatorRevocation,
): Promise<void> {
  await openSessions(db)
    .where({ id: token.sessionId, refresh_family_hash: token.familyHash })
    .update(revoked(db, reason));
}

export async function revokeOperatorSession(
  db: Db,
  sessionId: string,
  reason: OperatorRevocation,
): Promise<void> {
  await openSessions(db).where({ id: sessionId }).update(revoked(db, reason));
}

/** @returns the ids of those that ended now */
export const revokeSessionsOfOperator = async (
  db: Db,
  operatorId: string,
  reason: OperatorRevocation,
): Promise<string[]> => {
  const rows = await openSessions(db)
    .where({ operator_id: operatorId })
    .update(revoked(db, reason))
    .returning<{ id: string }[]>('id');
  return rows.map(({ id }) => id);
};

/** The role the operator has now, or undefined when the session no longer stands. */
export async function findOperatorSessionRole(
  db: Db,
  sessionId: string,
  operatorId: string,
): Promise<OperatorRole | undefined> {
  const row = await db<{ role: OperatorRole }>('registry.operator_sessions as s')
    .join('registry.operators as o', 'o.id', 's.operator_id')
    .where({ 's.id': sessionId, 's.operator_id': operatorId, 'o.status': 'active' })
    .whereNull('s.revoked_at')
    .whereRaw('s.expires_at > now()')
    .first<{ role: OperatorRole } | undefined>('o.role');
  return row?.role;
}

const openSessions = (db: Db) => db('registry.operator_sessions').whereNull('revoked_at');

const revoked = (db: Db, reason: OperatorRevocation) => ({
  revoked_at: db.fn.now(),
  revoked_reason: reason,
});

const hashesOf = ({ sessionId, familyHash, generationHash }: RefreshToken) => ({
  sessionId,
  familyHash,
  generationHash,
});

/** Cut to what the columns take: a client writes what it likes into its User-Agent. */
const clientOf = ({ ip, userAgent }: Client) => ({
  ip: ip.slice(0, 64),
  userAgent: userAgent.slice(0, 512),
});
