/** A user's sessions, listed and ended, by themself and by an admin, on all processes. */
import { createApplication, type Application } from '../../src/application';
import { createLogger } from '../../src/server/logger';
import { apiOf } from '../support/api';
import { logIn, makeUser, signInBy, standing, tokensOf, worldAt } from '../support/people';
import { createWorld, type World } from '../support/world';

/** What the probes ask for, and a moment to put the question. */
const TAKES_EFFECT_WITHIN_MS = 5000;
let world: World;
let second: Application;
let there: World;
beforeAll(async () => {
  world = await createWorld();
  second = await createApplication({
    config: world.config,
    logger: createLogger('silent'),
    refusalBeatMs: 1,
  });
  there = worldAt(world, (await second.http.listen()).url);
});
afterAll(async () => {
  await second.close();
  await world.close();
});

interface Listed {
  readonly id: string;
  readonly userAgent: string;
  readonly ip: string;
  readonly current: boolean;
  readonly createdAt: string;
  readonly lastUsedAt: string;
}

const sessionsOf = async (token: string): Promise<Listed[]> => {
  const { data } = await world.query<{ viewer: { sessions: Listed[] } }>(
    { token },
    '{ viewer { sessions { id userAgent ip current createdAt lastUsedAt expiresAt } } }',
  );
  return data.viewer.sessions;
};

const revoke = async (token: string, id: string): Promise<string> => {
  const { text } = await world.query(
    { token },
    'mutation ($input: RevokeSessionInput!) { revokeSession(input: $input) { revokedSessionId userErrors { field message code } } }',
    { input: { id } },
  );
  return text;
};

/** Whether the token is refused, on both processes, in the time that is promised. */
async function endsEverywhere(token: string): Promise<void> {
  const deadline = Date.now() + TAKES_EFFECT_WITHIN_MS;
  for (const where of [world, there]) {
    while (await standing(where, token)) {
      if (Date.now() > deadline) throw new Error('Expected the token to be refused by now.');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function signedIn(name: string) {
  const email = `${name}@alpha.test`;
  const id = await makeUser(world, 'alpha', { email });
  const tokens = await tokensOf(world, email);
  // Both processes have asked, and believe what they heard.
  for (const where of [world, there]) expect(await standing(where, tokens.accessToken)).toBe(true);
  return { email, id, ...tokens };
}

describe('the list of sessions', () => {
  it('shows those of the user that stand, and which one asks', async () => {
    const { email, accessToken } = await signedIn('lister');
    const other = await tokensOf(world, email);
    const listed = await sessionsOf(accessToken);
    expect(listed).toHaveLength(2);
    expect(listed.filter(({ current }) => current)).toHaveLength(1);
    expect(listed[0]).toMatchObject({ ip: '127.0.0.1', userAgent: 'node' });
    expect(Date.parse(listed[0]?.createdAt ?? '')).toBeGreaterThan(Date.now() - 60_000);
    await world.query({ token: other.accessToken }, 'mutation { logout { userErrors { code } } }');
    expect(await sessionsOf(accessToken)).toHaveLength(1);
  });

  it('costs one statement, however many there are', async () => {
    const { email, accessToken } = await signedIn('counter');
    for (let i = 0; i < 3; i += 1) await tokensOf(world, email);
    await sessionsOf(accessToken);
    world.forgetStatements();
    expect(await sessionsOf(accessToken)).toHaveLength(4);
    const statements = world.statements.filter(({ text }) => text.includes('user_sessions'));
    expect(statements.filter(({ text }) => text.includes('order by last_used_at'))).toHaveLength(1);
  });
});

describe('a session that is ended', () => {
  it('by its user ends on every process, with its refresh token', async () => {
    const { email, accessToken } = await signedIn('ender');
    const other = await tokensOf(world, email);
    expect(await standing(there, other.accessToken)).toBe(true);
    const [ended] = (await sessionsOf(accessToken)).filter(({ current }) => !current);
    expect(await revoke(accessToken, ended?.id ?? '')).toContain('"userErrors":[]');
    await endsEverywhere(other.accessToken);
    const { refreshToken } = other;
    expect((await signInBy(world, 'refreshSession', { refreshToken })).answer.status).toBe(401);
    expect(await standing(world, accessToken)).toBe(true);
  });

  it('is answered alike when it is absent, a colleague’s, another tenant’s, or ended', async () => {
    const { accessToken } = await signedIn('prober');
    const colleague = await tokensOf(world, 'reader@alpha.test');
    const foreign = await tokensOf(world, 'reader@beta.test');
    const [theirs] = await sessionsOf(colleague.accessToken);
    const [elsewhere] = await sessionsOf(foreign.accessToken);
    const random = 'session_01h455vb4pex5vsknk084sn02q';
    const answers = new Set<string>();
    for (const id of [theirs?.id, elsewhere?.id, random, 'session_x', '', 'user_1'])
      answers.add(await revoke(accessToken, id ?? ''));
    expect(answers.size).toBe(1);
    expect([...answers][0]).toContain('NOT_FOUND');
    expect(await standing(world, colleague.accessToken)).toBe(true);
    expect(await standing(world, foreign.accessToken)).toBe(true);
  });

  it('with all others leaves the one that asks', async () => {
    const { email, accessToken } = await signedIn('leaver');
    const others = [await tokensOf(world, email), await tokensOf(there, email)];
    const { data } = await world.query(
      { token: accessToken },
      'mutation { revokeOtherSessions { revokedCount userErrors { code } } }',
    );
    expect(data).toEqual({ revokeOtherSessions: { revokedCount: 2, userErrors: [] } });
    for (const other of others) await endsEverywhere(other.accessToken);
    expect(await standing(world, accessToken)).toBe(true);
  });

  it('by an admin ends for the user, who may sign in again', async () => {
    const { email, id, accessToken } = await signedIn('kicked');
    await apiOf(world).ask(
      'mutation ($input: RevokeUserSessionsInput!) { revokeUserSessions(input: $input) { userErrors { code } } }',
      { input: { id } },
    );
    await endsEverywhere(accessToken);
    await tokensOf(world, email);
  });
});

describe('a user who is disabled', () => {
  it('is out on every process within five seconds, and in again when enabled', async () => {
    const { email, id, accessToken, refreshToken } = await signedIn('disabled');
    const api = apiOf(world);
    const set = async (status: string) => {
      const { user } = await api.ask<{ user: { version: number } }>(
        'query ($id: ID!) { user(id: $id) { version } }',
        { id },
      );
      expect(await api.faults('updateUser', { id, version: user.version, status })).toEqual([]);
    };
    await set('DISABLED');
    await endsEverywhere(accessToken);
    for (const where of [world, there]) {
      expect((await signInBy(where, 'refreshSession', { refreshToken })).answer.status).toBe(401);
      expect((await logIn(where, email)).answer.status).toBe(401);
    }
    await set('ACTIVE');
    await tokensOf(there, email);
    expect(await standing(world, accessToken)).toBe(false);
  });
});

describe('the other process', () => {
  it('hears of a new password, a log-out and a suspension', async () => {
    const changed = await signedIn('changed');
    await world.query(
      { token: changed.accessToken },
      'mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken } }',
      { input: { currentPassword: 'correct-horse-battery', newPassword: 'a-newer-horse-battery' } },
    );
    await endsEverywhere(changed.accessToken);

    const left = await signedIn('left');
    await there.query({ token: left.accessToken }, 'mutation { logout { userErrors { code } } }');
    await endsEverywhere(left.accessToken);

    const beta = await tokensOf(world, 'member@beta.test');
    expect(await standing(there, beta.accessToken)).toBe(true);
    const setStatus = "update registry.tenants set status = $1 where slug = 'beta'";
    await world.sql(world.registry, setStatus, ['suspended']);
    await endsEverywhere(beta.accessToken);
    const { answer } = await logIn(there, 'member@beta.test');
    expect(answer.errors[0]?.extensions.code).toBe('TENANT_SUSPENDED');
    await world.sql(world.registry, setStatus, ['active']);
  });
});
