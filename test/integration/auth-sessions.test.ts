/** The statements of log-in sessions, on a real Postgres, as the run-time role. */
import { Pool } from 'pg';
import { uuidv7 } from 'uuidv7';
import { createRefreshToken, renewRefreshToken } from '../../src/auth/refresh-tokens';
import {
  revokeFamily,
  revokeReusedFamily,
  revokeSession,
  revokeSessionsOfUser,
} from '../../src/auth/session-endings.store';
import { findSessionRole, openSession, rotateSession } from '../../src/auth/user-sessions.store';
import {
  findCredentialsByEmail,
  findCredentialsById,
  findSignedInUser,
  replacePasswordHash,
} from '../../src/auth/users.store';
import { parseConnectionUrl } from '../../src/database/connection-url';
import { migrateDatabase } from '../../src/database/migrate-database';
import type { SqlRunner } from '../../src/database/statement';
import { cloneDatabase, createTemplate, type TestDatabase } from '../support/databases';

let database: TestDatabase;
let pool: Pool;

beforeAll(async () => {
  const template = await createTemplate('auth_sessions', async ({ ownerUrl, appUrl }) => {
    const appRole = parseConnectionUrl(appUrl).user;
    await migrateDatabase(parseConnectionUrl(ownerUrl), 'tenant', { appRole });
  });
  database = await cloneDatabase(template);
  pool = new Pool({ connectionString: database.appUrl, max: 8 });
});

afterAll(async () => {
  await pool?.end();
  await database?.drop();
});

/** Each statement in a transaction of its own that states the tenant. */
const runnerOf = (tenantId: string): SqlRunner => ({
  localTenantId: tenantId,
  async query<Row>({ text, values }: { text: string; values: readonly unknown[] }): Promise<Row[]> {
    const client = await pool.connect();
    try {
      await client.query('begin');
      await client.query("select set_config('app.tenant_id', $1, true)", [tenantId]);
      const { rows } = await client.query(text, [...values]);
      await client.query('commit');
      return rows as Row[];
    } catch (error) {
      await client.query('rollback');
      throw error;
    } finally {
      client.release();
    }
  },
});

const client = { ip: '192.0.2.1', userAgent: 'test' };
const ttlSeconds = 3600;

async function createUser(sql: SqlRunner = runnerOf(uuidv7())) {
  const id = uuidv7();
  await sql.query({
    text: `insert into cloister.users (tenant_id, id, name, email, email_key, password_hash, role)
           values ($1, $2, 'Ada', $3, $3, 'hash', 'member')`,
    values: [sql.localTenantId, id, `${id}@acme.test`],
  });
  return { sql, id, email: `${id}@acme.test` };
}

async function createSession(given: Partial<Parameters<typeof openSession>[1]> = {}) {
  const { sql, id } = await createUser();
  const token = createRefreshToken(sql.localTenantId, uuidv7());
  const user = await openSession(sql, {
    userId: id,
    verifiedHash: 'hash',
    token,
    ttlSeconds,
    client,
    ...given,
  });
  const rotate = (presented = token) => {
    const next = renewRefreshToken(presented.token);
    return rotateSession(sql, presented, next, { ttlSeconds, client }).then((to) => to && next);
  };
  const role = () => findSessionRole(sql, token.sessionId, id);
  return { sql, userId: id, token, user, rotate, role };
}

const change = (sql: SqlRunner, userId: string, assignment: string) =>
  sql.query({
    text: `update cloister.users set ${assignment} where tenant_id = $1 and id = $2`,
    values: [sql.localTenantId, userId],
  });

describe('a session', () => {
  it('is opened for an active user, whose log-in is noted', async () => {
    const { sql, userId, user, role } = await createSession();
    expect(user).toMatchObject({ id: userId, name: 'Ada', role: 'member' });
    expect(await role()).toBe('member');
    const [row] = await sql.query<{ last_login_at: Date | null }>({
      text: 'select last_login_at from cloister.users where tenant_id = $1 and id = $2',
      values: [sql.localTenantId, userId],
    });
    expect(row?.last_login_at).toBeInstanceOf(Date);
  });

  it('keeps no secret: neither token nor anything it could be made from', async () => {
    const { sql, token } = await createSession();
    const [row] = await sql.query<{ all: string }>({
      text: 'select s::text as all from cloister.user_sessions s where tenant_id = $1 and id = $2',
      values: [sql.localTenantId, token.sessionId],
    });
    const secrets = Buffer.from(token.token.slice(5), 'base64url').subarray(32);
    expect(row?.all).not.toContain(secrets.subarray(0, 16).toString('hex'));
    expect(row?.all).not.toContain(secrets.subarray(16).toString('hex'));
    expect(row?.all).toContain(token.generationHash.toString('hex'));
  });

  it('is not opened once the password has changed since it was verified', async () => {
    const { user, role } = await createSession({ verifiedHash: 'an older hash' });
    expect(user).toBeUndefined();
    expect(await role()).toBeUndefined();
  });

  it.each(["status = 'disabled'", 'deleted_at = now()'])(
    'is not opened, nor does it stand, with %s',
    async (assignment) => {
      const { sql, userId, rotate, role } = await createSession();
      await change(sql, userId, assignment);
      expect(await role()).toBeUndefined();
      expect(await rotate()).toBeUndefined();
      const another = createRefreshToken(sql.localTenantId, uuidv7());
      expect(
        await openSession(sql, {
          userId,
          verifiedHash: 'hash',
          token: another,
          ttlSeconds,
          client,
        }),
      ).toBeUndefined();
    },
  );

  it('takes whatever a client calls itself, cut to size', async () => {
    const long = { ip: 'x'.repeat(500), userAgent: 'y'.repeat(5000) };
    expect((await createSession({ client: long })).user).toBeDefined();
  });

  it('stores a newer hash of the same password', async () => {
    const { sql, userId } = await createSession({ rehash: 'newer hash' });
    expect(await findCredentialsById(sql, userId)).toMatchObject({ passwordHash: 'newer hash' });
  });

  it('does not stand once its time is over', async () => {
    const { rotate, role } = await createSession({ ttlSeconds: -1 });
    expect(await role()).toBeUndefined();
    expect(await rotate()).toBeUndefined();
  });

  it('is forgotten a month after its time is over, at the next log-in of its user', async () => {
    const { sql, userId } = await createSession({ ttlSeconds: -31 * 86_400 });
    const token = createRefreshToken(sql.localTenantId, uuidv7());
    await openSession(sql, { userId, verifiedHash: 'hash', token, ttlSeconds, client });
    const rows = await sql.query<{ id: string }>({
      text: 'select id from cloister.user_sessions where tenant_id = $1',
      values: [sql.localTenantId],
    });
    expect(rows).toEqual([{ id: token.sessionId }]);
  });

  it('shows the role of the moment', async () => {
    const { sql, userId, role } = await createSession();
    await change(sql, userId, "role = 'admin'");
    expect(await role()).toBe('admin');
  });

  it('does not outlive its user', async () => {
    const { sql, userId, role } = await createSession();
    const both = [sql.localTenantId, userId];
    await sql.query({
      text: 'delete from cloister.users where tenant_id = $1 and id = $2',
      values: both,
    });
    expect(await role()).toBeUndefined();
    const left = await sql.query({
      text: 'select id from cloister.user_sessions where tenant_id = $1',
      values: [sql.localTenantId],
    });
    expect(left).toEqual([]);
  });
});

describe('a refresh token', () => {
  it('is exchanged exactly once by any number of attempts at once', async () => {
    const { rotate, role } = await createSession();
    const results = await Promise.all(Array.from({ length: 8 }, () => rotate()));
    expect(results.filter((each) => each !== undefined)).toHaveLength(1);
    expect(await role()).toBe('member');
  });

  it('of any earlier generation ends the session, the current one does not', async () => {
    const { sql, token, rotate, role } = await createSession();
    const second = await rotate();
    const third = second && (await rotate(second));
    if (third === undefined) throw new Error('expected a third generation');
    await revokeReusedFamily(sql, third);
    expect(await role()).toBe('member');
    expect(await rotate(token)).toBeUndefined();
    await revokeReusedFamily(sql, token);
    expect(await role()).toBeUndefined();
    expect(await rotate(third)).toBeUndefined();
  });

  it('that is made up ends nothing', async () => {
    const { sql, token, role } = await createSession();
    const madeUp = createRefreshToken(sql.localTenantId, token.sessionId);
    await revokeReusedFamily(sql, madeUp);
    await revokeFamily(sql, madeUp, 'logout');
    expect(await role()).toBe('member');
  });
});

describe('revoking', () => {
  it('ends one session, by its id or by its token', async () => {
    const [one, other] = [await createSession(), await createSession()];
    await revokeSession(one.sql, one.token.sessionId, 'logout');
    await revokeFamily(other.sql, other.token, 'logout');
    for (const ended of [one, other]) {
      expect(await ended.role()).toBeUndefined();
      expect(await ended.rotate()).toBeUndefined();
    }
  });

  it('ends all sessions of a user, and says which', async () => {
    const { sql, userId, token, role } = await createSession();
    const stranger = await createUser(sql);
    const second = createRefreshToken(sql.localTenantId, uuidv7());
    const theirs = createRefreshToken(sql.localTenantId, uuidv7());
    const opened = { verifiedHash: 'hash', ttlSeconds, client };
    await openSession(sql, { userId, token: second, ...opened });
    await openSession(sql, { userId: stranger.id, token: theirs, ...opened });
    const ended = await revokeSessionsOfUser(sql, userId, 'user_disabled');
    expect(ended.sort()).toEqual([token.sessionId, second.sessionId].sort());
    expect(await role()).toBeUndefined();
    expect(await findSessionRole(sql, theirs.sessionId, stranger.id)).toBe('member');
    expect(await revokeSessionsOfUser(sql, userId, 'user_disabled')).toEqual([]);
  });
});

describe('another tenant', () => {
  it('can neither see, use, nor end a session by its ids', async () => {
    const { userId, token, role } = await createSession();
    const foreign = runnerOf(uuidv7());
    expect(await findSessionRole(foreign, token.sessionId, userId)).toBeUndefined();
    expect(
      await rotateSession(foreign, token, renewRefreshToken(token.token), { ttlSeconds, client }),
    ).toBeUndefined();
    await revokeSession(foreign, token.sessionId, 'revoked');
    await revokeFamily(foreign, token, 'revoked');
    expect(await revokeSessionsOfUser(foreign, userId, 'revoked')).toEqual([]);
    expect(await role()).toBe('member');
  });

  it('is kept out by the policy alone, too', async () => {
    const { token } = await createSession();
    const byPolicy = await runnerOf(uuidv7()).query({
      text: 'select id from cloister.user_sessions where id = $1',
      values: [token.sessionId],
    });
    expect(byPolicy).toEqual([]);
  });

  it('cannot be given a session by a forged tenant id', async () => {
    const { sql, id } = await createUser();
    const row = [uuidv7(), uuidv7(), id, Buffer.alloc(32)];
    const insert = sql.query({
      text: `insert into cloister.user_sessions (tenant_id, id, user_id, refresh_family_hash,
               refresh_generation_hash, expires_at, ip, user_agent)
             values ($1, $2, $3, $4, $4, now(), '', '')`,
      values: row,
    });
    await expect(insert).rejects.toMatchObject({ code: '42501' });
  });
});

describe('the credentials of a user', () => {
  it('are found by e-mail and by id, unless the user is deleted', async () => {
    const { sql, id, email } = await createUser();
    const expected = { userId: id, passwordHash: 'hash', status: 'active', secondFactor: false };
    expect(await findCredentialsByEmail(sql, email)).toEqual(expected);
    expect(await findCredentialsById(sql, id)).toEqual(expected);
    expect(await findSignedInUser(sql, id)).toMatchObject({ id, email, role: 'member' });
    await change(sql, id, 'deleted_at = now()');
    expect(await findCredentialsByEmail(sql, email)).toBeUndefined();
    expect(await findCredentialsById(sql, id)).toBeUndefined();
    expect(await findSignedInUser(sql, id)).toBeUndefined();
  });

  it('take a new hash only in the place of the one that was verified', async () => {
    const { sql, id } = await createUser();
    const attempt = { userId: id, verifiedHash: 'another', newHash: 'new' };
    expect(await replacePasswordHash(sql, attempt)).toBe(false);
    expect(await replacePasswordHash(sql, { ...attempt, verifiedHash: 'hash' })).toBe(true);
    expect(await findCredentialsById(sql, id)).toMatchObject({ passwordHash: 'new' });
  });
});
