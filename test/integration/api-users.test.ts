import { toTypeId } from '../../src/lib/type-id';
import { apiOf, type Api, type Json } from '../support/api';
import { createWorld, PASSWORD, type World } from '../support/world';

let world: World;
let api: Api;
beforeAll(async () => {
  world = await createWorld({ environment: { AUTH_SESSION_CHECK_SECONDS: '0' } });
  api = apiOf(world);
});
afterAll(() => world.close());

const LOGIN = `mutation ($input: LoginInput!) {
  login(input: $input) { accessToken refreshToken user { id role } }
}`;

interface Login {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly user: { readonly id: string; readonly role: string };
}

async function logIn(email: string, password = PASSWORD): Promise<Login | undefined> {
  const { data, errors } = await world.query<{ login: Login | null }>(undefined, LOGIN, {
    input: { email, password },
  });
  expect(errors.map(({ extensions }) => extensions.code)).toEqual(
    data.login ? [] : ['UNAUTHENTICATED'],
  );
  return data.login ?? undefined;
}

const viewerOf = async (token: string): Promise<string | undefined> =>
  (await world.query({ token }, '{ viewer { user { id } } }')).errors[0]?.extensions.code;

const addressesRouted = async (): Promise<number> =>
  Number(
    (
      await world.sql<{ count: string }>(
        world.registry,
        'select count(*) from registry.email_index where tenant_id = $1',
        [world.tenants.alpha.id],
      )
    )[0]?.count,
  );

describe('a user with a password', () => {
  it('signs in, and no answer holds the password or its hash', async () => {
    const input = { name: 'New', email: 'new@alpha.test', password: PASSWORD, role: 'READER' };
    const created = await api.mutate('createUser', input, 'id name email role status lastLoginAt');
    expect(created).toMatchObject({ user: { role: 'READER', status: 'ACTIVE' }, userErrors: [] });
    expect(JSON.stringify(created)).not.toContain(PASSWORD);
    expect((await logIn('NEW@alpha.test'))?.user).toEqual({
      id: (created['user'] as Json)['id'],
      role: 'READER',
    });
    expect(await api.fails('{ users { nodes { password } } }')).toBe('GRAPHQL_VALIDATION_FAILED');
    expect(await api.fails('{ users { nodes { passwordHash } } }')).toBe(
      'GRAPHQL_VALIDATION_FAILED',
    );
    const refused = await api.mutate('createUser', { name: 'a', password: 'a-secret' });
    expect(JSON.stringify(refused)).not.toContain('a-secret');
  });

  it('signs in under a new address and no more under the old one', async () => {
    const { id } = await api.create('User', {
      name: 'M',
      email: 'm1@alpha.test',
      password: PASSWORD,
    });
    const routed = await addressesRouted();
    expect(await api.faults('updateUser', { id, version: 1, email: 'm2@alpha.test' })).toEqual([]);
    expect(await logIn('m1@alpha.test')).toBeUndefined();
    expect(await logIn('m2@alpha.test')).toBeDefined();
    expect(await addressesRouted()).toBe(routed);
    // The same address in other letters stays routed.
    expect(await api.faults('updateUser', { id, version: 2, email: 'M2@Alpha.test' })).toEqual([]);
    expect(await logIn('m2@alpha.test')).toBeDefined();
    expect(await addressesRouted()).toBe(routed);
  });

  it('keeps an address that another user gives up in the same change', async () => {
    const [{ id: a }, { id: b }] = [
      await api.create('User', { name: 'A', email: 'a@alpha.test', password: PASSWORD }),
      await api.create('User', { name: 'B', email: 'b@alpha.test', password: PASSWORD }),
    ];
    const users = [
      { id: a, version: 1, email: 'c@alpha.test' },
      { id: b, version: 1, email: 'a@alpha.test' },
    ];
    expect(await api.faults('updateUsers', { users })).toEqual([]);
    expect((await logIn('a@alpha.test'))?.user.id).toBe(b);
    expect((await logIn('c@alpha.test'))?.user.id).toBe(a);
  });

  it.each([
    ['disabled', (id: string) => api.faults('updateUser', { id, version: 1, status: 'DISABLED' })],
    [
      'disabled by upsert',
      (id: string) =>
        api.faults('upsertUser', { externalId: id.slice(-26), name: 'n', status: 'DISABLED' }),
    ],
    ['deleted', (id: string) => api.faults('deleteUser', { id })],
    ['removed for good', (id: string) => api.faults('purgeUser', { id })],
    [
      'given another password',
      (id: string) => api.faults('updateUser', { id, version: 1, password: 'another-good-one' }),
    ],
  ])('is signed out and kept out when %s', async (how, change) => {
    const email = `${how.replaceAll(' ', '-')}@alpha.test`;
    const { id } = await api.create('User', { name: 'X', email, password: PASSWORD });
    await world.sql(
      world.tenants.alpha.database,
      'update cloister.users set external_id = $1 where email = $2',
      [id.slice(-26), email],
    );
    const session = await logIn(email);
    expect(await viewerOf(session?.accessToken ?? '')).toBeUndefined();
    expect(await change(id)).toEqual([]);
    expect(await viewerOf(session?.accessToken ?? '')).toBe('UNAUTHENTICATED');
    const refresh = `mutation ($t: String!) { refreshSession(input: { refreshToken: $t }) { accessToken } }`;
    const refreshed = await world.query(undefined, refresh, { t: session?.refreshToken });
    expect(refreshed.errors[0]?.extensions.code).toBe('UNAUTHENTICATED');
    expect(await logIn(email)).toBeUndefined();
  });

  it('signs in again once restored', async () => {
    const email = 'restored@alpha.test';
    const { id } = await api.create('User', { name: 'R', email, password: PASSWORD });
    await api.mutate('deleteUser', { id });
    expect(await logIn(email)).toBeUndefined();
    expect(await api.faults('restoreUser', { id })).toEqual([]);
    expect(await logIn(email)).toBeDefined();
  });

  it('cannot sign in any more when it is taken away', async () => {
    const email = 'cleared@alpha.test';
    const { id } = await api.create('User', { name: 'R', email, password: PASSWORD });
    expect(await api.faults('updateUser', { id, version: 1, password: null })).toEqual([]);
    expect(await logIn(email)).toBeUndefined();
  });
});

describe('admins', () => {
  it('cannot change what they may do themselves, nor remove themselves', async () => {
    const uuid = world.tenants.alpha.users.admin;
    const id = toTypeId('user', uuid);
    await world.sql(
      world.tenants.alpha.database,
      "update cloister.users set external_id = 'me' where id = $1",
      [uuid],
    );
    const upsert = { externalId: 'me', name: 'me' };
    expect(await api.faults('updateUser', { id, version: 1, role: 'MEMBER' })).toEqual([
      'INVALID role',
    ]);
    expect(await api.faults('updateUser', { id, version: 1, status: 'DISABLED' })).toEqual([
      'INVALID status',
    ]);
    expect(await api.faults('upsertUser', { ...upsert, role: 'READER' })).toEqual(['INVALID role']);
    expect(await api.faults('upsertUser', { ...upsert, status: null, role: null })).toEqual([
      'INVALID role',
      'INVALID status',
    ]);
    expect(await api.faults('deleteUser', { id })).toEqual(['INVALID id']);
    expect(await api.faults('deleteUsers', { ids: [id] })).toEqual(['INVALID ids.0']);
    expect(await api.faults('purgeUser', { id })).toEqual(['INVALID id']);
    expect(
      await api.faults('updateUser', { id, version: 1, role: 'ADMIN', title: 'Boss' }),
    ).toEqual([]);
  });

  it.each(['member', 'reader'] as const)('alone manage users: not a %s', async (role) => {
    const other = apiOf(world, 'alpha', role);
    const id = toTypeId('user', world.tenants.alpha.users[role]);
    const raise = `mutation ($id: ID!) {
      updateUser(input: { id: $id, version: 1, role: ADMIN }) { userErrors { code } }
    }`;
    expect(await other.fails(raise, { id })).toBe('FORBIDDEN');
  });
});

describe('who is signed in', () => {
  const USER = 'user { id name role opportunities(first: 3) { nodes { name } } manager { id } }';

  it('is shown as any user is, with relations', async () => {
    const ownerId = toTypeId('user', world.tenants.beta.users.member);
    await apiOf(world, 'beta').create('Opportunity', { name: 'Theirs', ownerId });
    const user = {
      id: ownerId,
      name: 'beta member',
      role: 'MEMBER',
      opportunities: { nodes: [{ name: 'Theirs' }] },
      manager: null,
    };
    const viewer = await apiOf(world, 'beta', 'member').ask(
      `{ viewer { ${USER} tenant { slug } } }`,
    );
    expect(viewer).toEqual({ viewer: { user, tenant: { slug: 'beta' } } });
    const input = { email: 'member@beta.test', password: PASSWORD };
    const login = `mutation ($input: LoginInput!) { login(input: $input) { ${USER} tenant { slug } } }`;
    const anonymous = await world.query(undefined, login, { input });
    expect(anonymous.errors).toEqual([]);
    expect(anonymous.data).toEqual({ login: { user, tenant: { slug: 'beta' } } });
    const signedIn = await world.query({ tenant: 'beta', role: 'reader' }, login, { input });
    expect(signedIn.data).toEqual(anonymous.data);
  });

  it('does not open the rest of an anonymous request, nor another tenant to a signed-in one', async () => {
    const input = { email: 'admin@beta.test', password: PASSWORD };
    const both = await world.query(
      undefined,
      `mutation ($input: LoginInput!) {
        login(input: $input) { user { id } }
        createAccount(input: { name: "x" }) { userErrors { code } }
      }`,
      { input },
    );
    expect(both.errors[0]?.extensions.code).toBe('UNAUTHENTICATED');
    const elsewhere = await world.query({ tenant: 'alpha' }, LOGIN, { input });
    expect(elsewhere.errors[0]?.extensions.code).toBe('BAD_USER_INPUT');
    expect(elsewhere.data).toMatchObject({ login: { user: null } });
  });
});
