import {
  createFakeTenants,
  FAKE_EMAIL_INDEX_KEY,
  fakeMailing,
} from '../../test/support/fake-tenants';
import { createAuthService } from './auth.service';
import { createPasswords } from './passwords';

const PASSWORD = 'correct-horse-battery';
const NEW_PASSWORD = 'a-better-password';
const client = { ip: '192.0.2.1', userAgent: 'test' };
const passwords = createPasswords();
const unauthenticated = { code: 'UNAUTHENTICATED' };

let passwordHash: string;
beforeAll(async () => {
  passwordHash = await passwords.hash(PASSWORD);
});

function setUp() {
  const tenants = createFakeTenants();
  const tenant = tenants.add('acme');
  const user = tenants.addUser(tenant, { email: 'ada@acme.test', passwordHash });
  const auth = createAuthService({
    config: {
      jwtKeys: 'k:a-secret-of-thirty-two-bytes-or-more',
      issuer: 'cloister',
      audience: 'cloister-api',
      accessTokenTtlSeconds: 900,
      refreshTokenTtlSeconds: 3600,
      // Longer than any test: what takes effect here does so because this process forgot.
      sessionCheckMs: 3_600_000,
      emailIndexKey: FAKE_EMAIL_INDEX_KEY,
    },
    emailIndex: tenants.emailIndex,
    access: tenants.access,
    passwords,
    refusalBeatMs: 1,
    ...fakeMailing(),
  });
  const signIn = async (password = PASSWORD) => {
    const outcome = await auth.login({ email: 'ada@acme.test', password, client });
    if (outcome.kind !== 'signedIn') throw new Error('expected to be signed in');
    return outcome.session;
  };
  const whoIs = (accessToken: string) => auth.authenticate(`Bearer ${accessToken}`);
  return { tenant, user, auth, signIn, whoIs };
}

/** A signed-in world, with the principal of the first session. */
async function setUpSignedIn() {
  const world = setUp();
  const session = await world.signIn();
  const principal = await world.whoIs(session.accessToken);
  if (principal === undefined) throw new Error('expected a principal');
  return { ...world, session, principal };
}

describe('the Authorization header', () => {
  it('is not needed', async () => {
    expect(await setUp().auth.authenticate(undefined)).toBeUndefined();
  });

  it('names the user by an access token, whatever the case of the scheme', async () => {
    const { auth, session, user, tenant } = await setUpSignedIn();
    for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
      expect(await auth.authenticate(`${scheme} ${session.accessToken}`)).toMatchObject({
        userId: user.id,
        tenantId: tenant.id,
      });
    }
  });

  it('is recognised at once when it was good before, and only as it was then', async () => {
    const { auth, session, principal } = await setUpSignedIn();
    const { accessToken } = session;
    expect(auth.recognise(`Bearer ${accessToken}`)).toEqual(principal);
    for (const header of [
      undefined,
      accessToken,
      `Basic ${accessToken}`,
      `Bearer  ${accessToken}`,
      `Bearer ${accessToken} `,
      `Bearer ${accessToken}x`,
      `Bearer ${accessToken.slice(0, -1)}`,
    ]) {
      expect(auth.recognise(header)).toBeUndefined();
    }
    await auth.logout({ principal, refreshToken: undefined });
    expect(auth.recognise(`Bearer ${accessToken}`)).toBeUndefined();
  });

  it('is refused with anything else', async () => {
    const { auth, session } = await setUpSignedIn();
    const { accessToken, refreshToken } = session;
    for (const header of [
      '',
      'Bearer',
      'Bearer ',
      accessToken,
      `Basic ${accessToken}`,
      `Bearer  ${accessToken}`,
      `Bearer ${accessToken} `,
      `Bearer ${accessToken}, Bearer ${accessToken}`,
      `Bearer ${accessToken}x`,
      `Bearer ${refreshToken}`,
    ]) {
      await expect(auth.authenticate(header)).rejects.toMatchObject(unauthenticated);
    }
  });
});

describe('a refresh', () => {
  it('gives a new pair, in the same session', async () => {
    const { auth, session, whoIs, principal } = await setUpSignedIn();
    const next = await auth.refresh(session.refreshToken, client);
    expect(next.refreshToken).not.toBe(session.refreshToken);
    expect(await whoIs(next.accessToken)).toEqual(principal);
  });

  it('carries the role the user has now', async () => {
    const { auth, session, user } = await setUpSignedIn();
    user.role = 'reader';
    const next = await auth.refresh(session.refreshToken, client);
    expect(next.user.role).toBe('reader');
  });

  it('with a token used before is refused and ends the session, at once on this process', async () => {
    const { auth, session, tenant, whoIs } = await setUpSignedIn();
    const next = await auth.refresh(session.refreshToken, client);
    await expect(auth.refresh(session.refreshToken, client)).rejects.toMatchObject(unauthenticated);
    expect(tenant.sessions[0]?.revokedReason).toBe('refresh_token_reused');
    await expect(auth.refresh(next.refreshToken, client)).rejects.toMatchObject(unauthenticated);
    await expect(whoIs(next.accessToken)).rejects.toMatchObject(unauthenticated);
  });

  it('with a token of any earlier generation ends the session', async () => {
    const { auth, session, tenant } = await setUpSignedIn();
    const second = await auth.refresh(session.refreshToken, client);
    const third = await auth.refresh(second.refreshToken, client);
    await auth.refresh(third.refreshToken, client);
    await expect(auth.refresh(session.refreshToken, client)).rejects.toMatchObject(unauthenticated);
    expect(tenant.sessions[0]?.revokedReason).toBe('refresh_token_reused');
  });

  it('with one token at once succeeds exactly once, and the session stays', async () => {
    const { auth, session } = await setUpSignedIn();
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, () => auth.refresh(session.refreshToken, client)),
    );
    const won = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    expect(won).toHaveLength(1);
    const refreshToken = won[0]?.refreshToken ?? '';
    await expect(auth.refresh(refreshToken, client)).resolves.toBeDefined();
  });

  it('with a made-up token is refused and ends nothing, though it names a session', async () => {
    const { auth, session, tenant, whoIs } = await setUpSignedIn();
    const bytes = Buffer.from(session.refreshToken.slice(5), 'base64url').fill(7, 32);
    const madeUp = `crt1_${bytes.toString('base64url')}`;
    await expect(auth.refresh(madeUp, client)).rejects.toMatchObject(unauthenticated);
    expect(tenant.sessions[0]?.revokedReason).toBeUndefined();
    await expect(whoIs(session.accessToken)).resolves.toBeDefined();
  });

  it('with an access token, rubbish or an unknown tenant is refused', async () => {
    const { auth, session } = await setUpSignedIn();
    const bytes = Buffer.from(session.refreshToken.slice(5), 'base64url').fill(7, 0, 16);
    for (const token of [
      session.accessToken,
      '',
      'crt1_x',
      `crt1_${bytes.toString('base64url')}`,
    ]) {
      await expect(auth.refresh(token, client)).rejects.toMatchObject(unauthenticated);
    }
  });

  it('is refused to a disabled user, and in a closed or suspended tenant', async () => {
    const { auth, session, user, tenant } = await setUpSignedIn();
    user.status = 'disabled';
    await expect(auth.refresh(session.refreshToken, client)).rejects.toMatchObject(unauthenticated);
    user.status = 'active';
    for (const status of ['closed', 'suspended', 'trial_ended']) {
      tenant.status = status;
      await expect(auth.refresh(session.refreshToken, client)).rejects.toMatchObject({
        code: 'TENANT_SUSPENDED',
        details: { reason: status.toUpperCase() },
      });
    }
  });
});

describe('a log-out', () => {
  it.each(['principal', 'refreshToken', 'both'])(
    'by %s ends access and refresh token',
    async (by) => {
      const { auth, session, principal, whoIs } = await setUpSignedIn();
      await auth.logout({
        ...(by !== 'refreshToken' && { principal }),
        ...(by !== 'principal' && { refreshToken: session.refreshToken }),
      });
      await expect(whoIs(session.accessToken)).rejects.toMatchObject(unauthenticated);
      await expect(auth.refresh(session.refreshToken, client)).rejects.toMatchObject(
        unauthenticated,
      );
    },
  );

  it('leaves the other sessions of the user alone', async () => {
    const { auth, principal, signIn, whoIs } = await setUpSignedIn();
    const other = await signIn();
    await auth.logout({ principal });
    await expect(whoIs(other.accessToken)).resolves.toBeDefined();
  });

  it('may be repeated, and takes no offence at rubbish', async () => {
    const { auth, principal, session } = await setUpSignedIn();
    await auth.logout({ principal });
    await auth.logout({ principal, refreshToken: session.refreshToken });
    await auth.logout({ refreshToken: 'rubbish' });
    await auth.logout({});
  });
});

describe('a change of password', () => {
  const change = { currentPassword: PASSWORD, newPassword: NEW_PASSWORD, client };

  it('ends all sessions of the user and opens a new one', async () => {
    const { auth, session, principal, signIn, whoIs } = await setUpSignedIn();
    const other = await signIn();
    await whoIs(other.accessToken);
    const next = await auth.changePassword(principal, change);
    for (const ended of [session, other]) {
      await expect(whoIs(ended.accessToken)).rejects.toMatchObject(unauthenticated);
      await expect(auth.refresh(ended.refreshToken, client)).rejects.toMatchObject(unauthenticated);
    }
    await expect(whoIs(next.accessToken)).resolves.toMatchObject({ userId: principal.userId });
    await expect(signIn()).rejects.toMatchObject(unauthenticated);
    await expect(signIn(NEW_PASSWORD)).resolves.toBeDefined();
  });

  it.each([
    ['a wrong current password', { currentPassword: 'wrong' }, 'currentPassword'],
    ['an oversized current password', { currentPassword: 'a'.repeat(5000) }, 'currentPassword'],
    ['a short new password', { newPassword: 'short' }, 'newPassword'],
    ['an oversized new password', { newPassword: 'a'.repeat(5000) }, 'newPassword'],
    ['the same password again', { newPassword: PASSWORD }, 'newPassword'],
  ])('names the field of %s, and changes nothing', async (_what, given, field) => {
    const { auth, session, principal, user, whoIs } = await setUpSignedIn();
    await expect(auth.changePassword(principal, { ...change, ...given })).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      details: { field },
    });
    expect(user.passwordHash).toBe(passwordHash);
    await expect(whoIs(session.accessToken)).resolves.toBeDefined();
  });

  it('is no way to try passwords', async () => {
    const { auth, principal } = await setUpSignedIn();
    const wrong = { ...change, currentPassword: 'wrong' };
    for (let i = 0; i < 10; i += 1)
      await auth.changePassword(principal, wrong).catch(() => undefined);
    await expect(auth.changePassword(principal, change)).rejects.toMatchObject({
      code: 'RATE_LIMITED',
    });
  });
});

describe('disabling a user', () => {
  it('ends their sessions at once on this process, and they stay ended', async () => {
    const { auth, session, principal, user, whoIs } = await setUpSignedIn();
    user.status = 'disabled';
    await auth.revokeSessionsOfUser(principal.tenantId, principal.userId, 'user_disabled');
    await expect(whoIs(session.accessToken)).rejects.toMatchObject(unauthenticated);
    user.status = 'active';
    await expect(auth.refresh(session.refreshToken, client)).rejects.toMatchObject(unauthenticated);
  });
});

describe('the signing keys', () => {
  it('are checked when the service is made', () => {
    const tenants = createFakeTenants();
    const config = {
      jwtKeys: 'k:too-short',
      issuer: 'cloister',
      audience: 'cloister-api',
      accessTokenTtlSeconds: 900,
      refreshTokenTtlSeconds: 3600,
      sessionCheckMs: 0,
      emailIndexKey: FAKE_EMAIL_INDEX_KEY,
    };
    expect(() => createAuthService({ config, ...tenants, ...fakeMailing() })).toThrow(
      /^AUTH_JWT_KEYS: /,
    );
  });
});
