import { createSessionStore } from './session.store';
import type { GraphqlAnswer, GraphqlClient } from './graphql.client';

const ACME = { id: 'tenant_1', slug: 'acme', name: 'Acme' };
const INITECH = { id: 'tenant_2', slug: 'initech', name: 'Initech' };
const USER = { id: 'user_1', name: 'Ada', email: 'ada@example.test', role: 'admin' };
const CREDENTIALS = { email: USER.email, password: 'a password' };
const UNAUTHENTICATED = {
  errors: [{ message: 'Sign in first.', extensions: { code: 'UNAUTHENTICATED' } }],
};
const MINUTE = 60_000;

/** A server whose answers each test chooses, with a clock of its own. */
function createWorld() {
  const world = {
    nowMs: Date.parse('2027-01-01T00:00:00Z'),
    serverAheadMs: 0,
    issued: 0,
    refuse: new Set<string>(),
    calls: [] as { operation: string; authorization: string | undefined; variables: unknown }[],
  };
  const session = (field: string) => {
    world.issued += 1;
    const expiresAt = world.nowMs + world.serverAheadMs + 15 * MINUTE;
    return {
      [field]: {
        accessToken: `access-${world.issued}`,
        refreshToken: `refresh-${world.issued}`,
        accessTokenExpiresAt: new Date(expiresAt).toISOString(),
        tenant: ACME,
        tenants: [ACME],
        user: USER,
        userErrors: [],
      },
    };
  };
  const answers: Record<string, () => unknown> = {
    SignIn: () => session('login'),
    RefreshSession: () => session('refreshSession'),
    SignOut: () => ({ logout: { userErrors: [] } }),
    WhoAmI: () => ({ viewer: { user: USER, tenant: ACME } }),
    Anything: () => ({ anything: true }),
  };
  const client: GraphqlClient = (request, headers) => {
    const operation = /(?:query|mutation) (\w+)/.exec(request.query)?.[1] ?? '';
    world.calls.push({
      operation,
      authorization: headers?.['authorization'],
      variables: request.variables,
    });
    const body: GraphqlAnswer['body'] = world.refuse.has(operation)
      ? UNAUTHENTICATED
      : { data: answers[operation]?.() };
    const serverTimeMs = world.nowMs + world.serverAheadMs;
    return Promise.resolve({ status: 200, serverTimeMs, body });
  };
  const stored = new Map<string, string>();
  const storage = {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => void stored.set(key, value),
    removeItem: (key: string) => void stored.delete(key),
  };
  const newStore = () => createSessionStore({ client, storage, now: () => world.nowMs });
  return { ...world, world, answers, stored, newStore, store: newStore() };
}

const ANYTHING = { query: 'query Anything { anything }' };

describe('session store', () => {
  it('sends the access token once signed in, and none before or after', async () => {
    const { world, store } = createWorld();
    await store.send(ANYTHING);
    await store.signIn(CREDENTIALS);
    await store.send(ANYTHING);
    store.signOut();
    await store.send(ANYTHING);
    const sent = world.calls.filter(({ operation }) => operation === 'Anything');
    expect(sent.map(({ authorization }) => authorization)).toEqual([
      undefined,
      'Bearer access-1',
      undefined,
    ]);
  });

  it("leaves a caller's own authorization alone, whatever its case", async () => {
    const { world, store } = createWorld();
    await store.signIn(CREDENTIALS);
    await store.send(ANYTHING, { Authorization: 'Bearer key' });
    expect(world.calls.at(-1)?.authorization).toBeUndefined();
  });

  it('refreshes once for any number of requests when the token is about to expire', async () => {
    const { world, store } = createWorld();
    await store.signIn(CREDENTIALS);
    world.nowMs += 14.5 * MINUTE;
    await Promise.all([store.send(ANYTHING), store.send(ANYTHING), store.send(ANYTHING)]);
    expect(world.calls.map(({ operation }) => operation)).toEqual([
      'SignIn',
      'RefreshSession',
      'Anything',
      'Anything',
      'Anything',
    ]);
    expect(world.calls.at(-1)?.authorization).toBe('Bearer access-2');
  });

  it.each([-MINUTE * 60, MINUTE * 60])(
    'does not mind a server clock that differs by %d ms',
    async (serverAheadMs) => {
      const { world, store } = createWorld();
      world.serverAheadMs = serverAheadMs;
      await store.signIn(CREDENTIALS);
      world.nowMs += 13 * MINUTE;
      await store.send(ANYTHING);
      expect(world.calls.at(-1)?.authorization).toBe('Bearer access-1');
      world.nowMs += 1.5 * MINUTE;
      await store.send(ANYTHING);
      expect(world.calls.at(-1)?.authorization).toBe('Bearer access-2');
    },
  );

  it('ends the session, and says so, when the refresh token is refused', async () => {
    const { world, store } = createWorld();
    await store.signIn(CREDENTIALS);
    world.nowMs += 20 * MINUTE;
    world.refuse.add('RefreshSession');
    await store.send(ANYTHING);
    expect(store.getState()).toEqual({
      status: 'signedOut',
      notice: 'Your session has ended: sign in again.',
    });
  });

  it('keeps the session when only the one operation is unauthenticated', async () => {
    const { world, store } = createWorld();
    await store.signIn(CREDENTIALS);
    world.refuse.add('Anything');
    await store.send(ANYTHING);
    expect(store.getState().status).toBe('signedIn');
    expect(world.calls.map(({ operation }) => operation)).not.toContain('RefreshSession');
  });

  it('ends the session when it was revoked elsewhere', async () => {
    const { world, store } = createWorld();
    await store.signIn(CREDENTIALS);
    for (const operation of ['Anything', 'WhoAmI', 'RefreshSession']) world.refuse.add(operation);
    await store.send(ANYTHING);
    expect(store.getState().status).toBe('signedOut');
  });

  it('does not bring back a session that was signed out during its refresh', async () => {
    const { world, store } = createWorld();
    await store.signIn(CREDENTIALS);
    world.nowMs += 14.5 * MINUTE;
    const sending = store.send(ANYTHING);
    store.signOut();
    await sending;
    expect(store.getState().status).toBe('signedOut');
    expect(world.calls.at(-1)).toMatchObject({ operation: 'Anything', authorization: undefined });
  });

  it('ends the session before on the server when another signs in', async () => {
    const { world, store } = createWorld();
    await store.signIn(CREDENTIALS);
    await store.signIn({ ...CREDENTIALS, tenant: 'initech' });
    expect(world.calls.at(-1)).toMatchObject({
      operation: 'SignOut',
      variables: { input: { refreshToken: 'refresh-1' } },
    });
  });

  it('asks to choose when the password fits several tenants', async () => {
    const { answers, store } = createWorld();
    answers['SignIn'] = () => ({
      login: { accessToken: null, tenants: [ACME, INITECH], userErrors: [] },
    });
    await expect(store.signIn(CREDENTIALS)).resolves.toEqual({
      kind: 'chooseTenant',
      tenants: [ACME, INITECH],
    });
    expect(store.getState().status).toBe('signedOut');
  });

  it('asks for the second factor, and signs in with it', async () => {
    const { answers, world, store } = createWorld();
    answers['SignIn'] = () => ({ login: { mfaChallenge: 'c', tenants: null, userErrors: [] } });
    await expect(store.signIn(CREDENTIALS)).resolves.toEqual({
      kind: 'secondFactor',
      challenge: 'c',
    });
    expect(store.getState().status).toBe('signedOut');
    answers['CompleteMfa'] = () => ({
      completeMfa: { userErrors: [{ message: 'The code is wrong.' }] },
    });
    await expect(store.completeMfa('c', '123456')).resolves.toEqual({
      kind: 'refused',
      message: 'The code is wrong.',
    });
    expect(world.calls.at(-1)).toMatchObject({
      variables: { input: { challenge: 'c', code: '123456' } },
    });
  });

  it('passes on what the server says is wrong', async () => {
    const { world, answers, store } = createWorld();
    answers['SignIn'] = () => ({ login: { tenants: [], userErrors: [{ message: 'Too long.' }] } });
    await expect(store.signIn(CREDENTIALS)).resolves.toEqual({
      kind: 'refused',
      message: 'Too long.',
    });
    world.refuse.add('SignIn');
    await expect(store.signIn(CREDENTIALS)).resolves.toEqual({
      kind: 'refused',
      message: 'Sign in first.',
    });
  });

  it('survives a reload without leaving its tokens to a duplicated tab', async () => {
    const { stored, store, newStore } = createWorld();
    await store.signIn(CREDENTIALS);
    expect(stored.size).toBe(0);
    store.suspend();
    expect(stored.size).toBe(1);
    const reloaded = newStore();
    reloaded.resume();
    expect(stored.size).toBe(0);
    expect(reloaded.getState()).toEqual(store.getState());
  });
});
