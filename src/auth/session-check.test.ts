import { createFakeTenants } from '../../test/support/fake-tenants';
import type { Principal } from './principal';
import { createSessionCheck } from './session-check';

const BELIEVED_FOR_MS = 4000;
const unauthenticated = { code: 'UNAUTHENTICATED' };

function setUp(believedForMs = BELIEVED_FOR_MS) {
  const tenants = createFakeTenants();
  const tenant = tenants.add('acme');
  const user = tenants.addUser(tenant, { email: 'ada@acme.test', role: 'member' });
  const session = {
    id: '01890a5d-ac96-774b-bcce-b302099a8053',
    userId: user.id,
    familyHash: Buffer.alloc(32),
    generationHash: Buffer.alloc(32),
    revokedReason: undefined as string | undefined,
  };
  tenant.sessions.push(session);
  const principal: Principal = {
    userId: user.id,
    tenantId: tenant.id,
    sessionId: session.id,
    role: 'member',
  };
  const clock = { now: 0 };
  const check = createSessionCheck(tenants.access, { believedForMs, now: () => clock.now });
  return { tenants, tenant, user, session, principal, clock, check };
}

describe('the session check', () => {
  it('asks once for many requests, and again when the verdict is old', async () => {
    const { tenant, principal, clock, check } = setUp();
    await Promise.all([check.check(principal), check.check(principal), check.check(principal)]);
    clock.now = BELIEVED_FOR_MS - 1;
    await check.check(principal);
    expect(tenant.statements).toHaveLength(1);
    clock.now = BELIEVED_FOR_MS;
    await check.check(principal);
    expect(tenant.statements).toHaveLength(2);
  });

  it('does not believe of another user or tenant what it heard of the same session', async () => {
    const { tenants, principal, check } = setUp();
    const neighbour = tenants.add('globex');
    const stranger = tenants.addUser(neighbour, { email: 'bob@globex.test', role: 'admin' });
    await check.check(principal);
    await expect(
      check.check({ ...principal, tenantId: neighbour.id, userId: stranger.id }),
    ).rejects.toMatchObject(unauthenticated);
    await expect(check.check({ ...principal, userId: stranger.id })).rejects.toMatchObject(
      unauthenticated,
    );
  });

  it('asks each time when verdicts are not to be believed at all', async () => {
    const { tenant, principal, check } = setUp(0);
    await check.check(principal);
    await check.check(principal);
    expect(tenant.statements).toHaveLength(2);
  });

  it.each([
    [
      'the session is revoked',
      ({ session }: ReturnType<typeof setUp>) => (session.revokedReason = 'logout'),
    ],
    ['the user is disabled', ({ user }: ReturnType<typeof setUp>) => (user.status = 'disabled')],
  ])('refuses within the time a verdict is believed when %s', async (_what, change) => {
    const world = setUp();
    const { principal, clock, check } = world;
    await check.check(principal);
    change(world);
    clock.now = BELIEVED_FOR_MS;
    await expect(check.check(principal)).rejects.toMatchObject(unauthenticated);
  });

  it.each(['suspended', 'closed', 'trial_ended'])('says that the tenant is %s', async (status) => {
    const { tenant, principal, check } = setUp();
    tenant.status = status;
    await expect(check.check(principal)).rejects.toMatchObject({ code: 'TENANT_SUSPENDED' });
  });

  it('answers with the role the user has now, not the one in the token', async () => {
    const { user, principal, clock, check } = setUp();
    expect(await check.check(principal)).toBe(principal);
    user.role = 'reader';
    clock.now = BELIEVED_FOR_MS;
    expect(await check.check(principal)).toEqual({ ...principal, role: 'reader' });
  });

  it('forgets at once what this process ended itself', async () => {
    const { session, principal, check } = setUp();
    await check.check(principal);
    session.revokedReason = 'logout';
    check.forget(session.id);
    await expect(check.check(principal)).rejects.toMatchObject(unauthenticated);
  });

  it('does not believe a verdict that was asked for before the session ended', async () => {
    const { session, principal, check } = setUp();
    const before = check.check(principal);
    check.forget(session.id);
    await before.catch(() => undefined);
    session.revokedReason = 'logout';
    await expect(check.check(principal)).rejects.toMatchObject(unauthenticated);
  });

  it('asks again after a failure, and takes none for a verdict', async () => {
    const { tenant, principal, check } = setUp();
    tenant.failure = new Error('the database is down');
    await expect(check.check(principal)).rejects.toThrow('the database is down');
    tenant.failure = undefined;
    await expect(check.check(principal)).resolves.toEqual(principal);
  });

  it('does not take the session of one user for that of another', async () => {
    const { principal, check } = setUp();
    const other = { ...principal, userId: '01890a5d-ac96-774b-bcce-b302099a8059' };
    await expect(check.check(other)).rejects.toMatchObject(unauthenticated);
  });
});
