/** A second factor, from its setting up to its loss. */
import { TOTP } from 'otpauth';
import { createApplication } from '../../src/application';
import { createLogger } from '../../src/server/logger';
import { apiOf } from '../support/api';
import {
  logIn,
  makeUser,
  signInBy,
  standing,
  tokensIn,
  tokensOf,
  worldAt,
} from '../support/people';
import { createWorld, PASSWORD, type World } from '../support/world';

const PERIOD_MS = 30_000;
let world: World;
let users = 0;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.close());

interface Outcome {
  readonly secret?: string | null;
  readonly uri?: string | null;
  readonly recoveryCodes?: string[] | null;
  readonly userErrors: readonly { field: string[] }[];
}

async function change(token: string, name: string, type: string, input: object, fields = '') {
  const { data } = await world.query<Record<string, Outcome>>(
    { token },
    `mutation ($input: ${type}!) { ${name}(input: $input) { ${fields} userErrors { field } } }`,
    { input },
  );
  return data[name] as Outcome;
}

const enrol = (token: string, currentPassword = PASSWORD) =>
  change(token, 'enrolMfa', 'CurrentPasswordInput', { currentPassword }, 'secret uri');
const confirm = (token: string, code: string) =>
  change(token, 'confirmMfa', 'ConfirmMfaInput', { code }, 'recoveryCodes');
const complete = (challenge: string | null, code: string) =>
  signInBy(world, 'completeMfa', { challenge, code });
const fieldsOf = ({ userErrors }: Outcome) => userErrors.map(({ field }) => field.join('.'));

/** What the app shows: now, or some steps from now. */
const codeOf = (secret: string, steps = 0): string =>
  new TOTP({ secret }).generate({ timestamp: Date.now() + steps * PERIOD_MS });

/** A user with a second factor, whose present code has been used. */
async function protectedUser() {
  const email = `second${(users += 1)}@alpha.test`;
  const id = await makeUser(world, 'alpha', { email });
  const { accessToken } = await tokensOf(world, email);
  const secret = (await enrol(accessToken)).secret ?? '';
  const usedCode = codeOf(secret);
  const { recoveryCodes } = await confirm(accessToken, usedCode);
  if (!recoveryCodes) throw new Error('Expected the second factor to be confirmed.');
  return { email, id, secret, usedCode, accessToken, recoveryCodes };
}

describe('setting up a second factor', () => {
  it('takes the password, then a first code, and answers with ten recovery codes', async () => {
    const email = 'setup@alpha.test';
    await makeUser(world, 'alpha', { email });
    const { accessToken } = await tokensOf(world, email);
    const elsewhere = await tokensOf(world, email);
    expect(fieldsOf(await enrol(accessToken, 'wrong'))).toEqual(['currentPassword']);
    const { secret, uri } = await enrol(accessToken);
    expect(uri).toContain('otpauth://totp/alpha:setup%40alpha.test?issuer=alpha&secret=');
    // Not in force before a code has shown that the app has it.
    expect((await logIn(world, email)).accessToken).not.toBeNull();
    expect(fieldsOf(await confirm(accessToken, '000000'))).toEqual(['code']);
    const { recoveryCodes } = await confirm(accessToken, codeOf(secret ?? ''));
    expect(new Set(recoveryCodes).size).toBe(10);
    expect(recoveryCodes?.[0]).toMatch(/^[0-9a-hjkmnp-tv-z]{4}(-[0-9a-hjkmnp-tv-z]{4}){3}$/);
    // Whoever was signed in without it is not any more; the client that set it up is.
    expect(await standing(world, elsewhere.accessToken)).toBe(false);
    const { viewer } = (
      await world.query<{ viewer: unknown }>(
        { token: accessToken },
        '{ viewer { mfa { enabled recoveryCodesLeft } } }',
      )
    ).data;
    expect(viewer).toEqual({ mfa: { enabled: true, recoveryCodesLeft: 10 } });
    expect(fieldsOf(await enrol(accessToken))).toEqual(['currentPassword']);
  });

  it('leaves no secret in the tenant’s data source', async () => {
    const { secret, recoveryCodes } = await protectedUser();
    const { database } = world.tenants.alpha;
    const [row] = await world.sql<{ all: string }>(
      database,
      `select string_agg(line, E'\\n') as all from (
         select t::text as line from cloister.user_totp t
         union all select c::text from cloister.user_recovery_codes c
         union all select l::text from cloister.change_log l) lines`,
    );
    for (const text of [
      secret,
      ...recoveryCodes,
      ...recoveryCodes.map((c) => c.replaceAll('-', '')),
    ])
      expect(row?.all).not.toContain(text);
  });
});

describe('log-in with a second factor', () => {
  it('opens no session before the code, and takes each code once', async () => {
    const { email, secret, usedCode } = await protectedUser();
    const { accessToken, refreshToken, mfaChallenge, tenant } = await logIn(world, email);
    expect({ accessToken, refreshToken, tenant }).toEqual({
      accessToken: null,
      refreshToken: null,
      tenant: { slug: 'alpha' },
    });
    expect(fieldsOf(await complete(mfaChallenge, usedCode))).toEqual(['code']);
    const next = codeOf(secret, 1);
    const results = await Promise.all([1, 2, 3].map(() => complete(mfaChallenge, next)));
    const signedIn = results.filter((each) => each.accessToken !== null);
    expect(signedIn).toHaveLength(1);
    expect(await standing(world, signedIn[0]?.accessToken ?? '')).toBe(true);
    // Nor does an older one count after it.
    expect(fieldsOf(await complete(mfaChallenge, usedCode))).toEqual(['code']);
  });

  it('takes a recovery code once, even from several at the same time', async () => {
    const { email, recoveryCodes } = await protectedUser();
    const { mfaChallenge } = await logIn(world, email);
    const typed = ` ${recoveryCodes[3]?.toUpperCase().replaceAll('-', ' ')} `;
    const results = await Promise.all([1, 2, 3].map(() => complete(mfaChallenge, typed)));
    expect(results.filter(({ accessToken }) => accessToken !== null)).toHaveLength(1);
    expect((await complete(mfaChallenge, recoveryCodes[4] ?? '')).accessToken).not.toBeNull();
  });

  it('is limited by account to five wrong codes, which lock nobody else out', async () => {
    const [one, other] = [await protectedUser(), await protectedUser()];
    const { mfaChallenge } = await logIn(world, one.email);
    for (let i = 0; i < 5; i += 1) await complete(mfaChallenge, '123456');
    const { answer } = await complete(mfaChallenge, codeOf(one.secret, 1));
    expect([answer.status, answer.errors[0]?.extensions.code]).toEqual([429, 'RATE_LIMITED']);
    const theirs = await logIn(world, other.email);
    const { accessToken } = await complete(theirs.mfaChallenge, codeOf(other.secret, 1));
    expect(accessToken).not.toBeNull();
  });

  it('says no more about a wrong password than it would without one', async () => {
    const { email } = await protectedUser();
    const wrong = await logIn(world, email, { password: 'wrong' });
    const unknown = await logIn(world, 'nobody@alpha.test', { password: 'wrong' });
    expect(wrong.answer.text).toBe(unknown.answer.text);
  });

  it('hands out a challenge that is good for nothing else', async () => {
    const { email, id, secret } = await protectedUser();
    const { mfaChallenge } = await logIn(world, email);
    expect(await standing(world, mfaChallenge ?? '')).toBe(false);
    const { accessToken } = await tokensOf(world, 'reader@alpha.test');
    for (const challenge of [accessToken, '', 'a.b.c', `${mfaChallenge}x`])
      expect((await complete(challenge, codeOf(secret, 1))).userErrors).toMatchObject([
        { field: ['challenge'] },
      ]);
    // A password that changes meanwhile voids it.
    const { user } = await apiOf(world).ask<{ user: { version: number } }>(
      'query ($id: ID!) { user(id: $id) { version } }',
      { id },
    );
    await apiOf(world).mutate('updateUser', {
      id,
      version: user.version,
      password: 'a-whole-new-password',
    });
    expect((await complete(mfaChallenge, codeOf(secret, 1))).userErrors).toMatchObject([
      { field: ['challenge'] },
    ]);
  });

  it('is not gone around by a refresh, a new password, or its reset by mail', async () => {
    const { email, secret, accessToken } = await protectedUser();
    const changed = await world.query<{ changePassword: { accessToken: string } }>(
      { token: accessToken },
      'mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { accessToken } }',
      { input: { currentPassword: PASSWORD, newPassword: 'changed-horse-battery' } },
    );
    expect(await standing(world, changed.data.changePassword.accessToken)).toBe(true);
    expect(
      (await logIn(world, email, { password: 'changed-horse-battery' })).accessToken,
    ).toBeNull();
    await world.takeMails();
    await world.query(
      undefined,
      'mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { userErrors { message } } }',
      { input: { email } },
    );
    const [token = ''] = (await world.takeMails()).flatMap(tokensIn);
    await world.query(
      undefined,
      'mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { userErrors { field } } }',
      { input: { token, newPassword: PASSWORD } },
    );
    const { accessToken: none, mfaChallenge } = await logIn(world, email);
    expect(none).toBeNull();
    expect((await complete(mfaChallenge, codeOf(secret, 1))).accessToken).not.toBeNull();
  });
});

describe('losing a second factor', () => {
  it('is the user’s own doing with the password, and log-in asks no more', async () => {
    const { email, accessToken } = await protectedUser();
    const disable = (currentPassword: string) =>
      change(accessToken, 'disableMfa', 'CurrentPasswordInput', { currentPassword });
    expect(fieldsOf(await disable('wrong'))).toEqual(['currentPassword']);
    expect(fieldsOf(await disable(PASSWORD))).toEqual([]);
    expect((await logIn(world, email)).accessToken).not.toBeNull();
  });

  it('leaves none of the earlier recovery codes when new ones are made', async () => {
    const { email, accessToken, recoveryCodes } = await protectedUser();
    const made = await change(
      accessToken,
      'regenerateRecoveryCodes',
      'CurrentPasswordInput',
      { currentPassword: PASSWORD },
      'recoveryCodes',
    );
    const { mfaChallenge } = await logIn(world, email);
    expect((await complete(mfaChallenge, recoveryCodes[0] ?? '')).accessToken).toBeNull();
    expect(
      (await complete(mfaChallenge, made.recoveryCodes?.[0] ?? '')).accessToken,
    ).not.toBeNull();
  });

  it('is an admin’s doing for another user, whose sessions end and who is told', async () => {
    const { email, id, accessToken } = await protectedUser();
    await world.takeMails();
    const resetOf = (userId: string, tenant: 'alpha' | 'beta' = 'alpha') =>
      apiOf(world, tenant).ask<{ resetUserMfa: Outcome }>(
        'mutation ($input: ResetUserMfaInput!) { resetUserMfa(input: $input) { userErrors { field } } }',
        { input: { id: userId } },
      );
    expect(fieldsOf((await resetOf(id, 'beta')).resetUserMfa)).toEqual(['id']);
    expect((await logIn(world, email)).accessToken).toBeNull();
    expect(fieldsOf((await resetOf(id)).resetUserMfa)).toEqual([]);
    expect(await standing(world, accessToken)).toBe(false);
    expect((await logIn(world, email)).accessToken).not.toBeNull();
    const [notice] = await world.takeMails();
    expect(notice).toMatchObject({ to: { address: email } });
    expect(notice?.text).toContain('An administrator took away the second factor');
    const own = await apiOf(world).ask<{ viewer: { user: { id: string } } }>(
      '{ viewer { user { id } } }',
    );
    expect(fieldsOf((await resetOf(own.viewer.user.id)).resetUserMfa)).toEqual(['id']);
  });
});

it('counts wrong codes and passwords together with other processes', async () => {
  const { email } = await protectedUser();
  const { mfaChallenge } = await logIn(world, email);
  const second = await createApplication({
    config: world.config,
    logger: createLogger('silent'),
    refusalBeatMs: 1,
  });
  try {
    const { url } = await second.http.listen();
    const there = worldAt(world, url);
    for (let i = 0; i < 4; i += 1) await complete(mfaChallenge, '123456');
    const last = await signInBy(there, 'completeMfa', { challenge: mfaChallenge, code: '123456' });
    expect(last.userErrors).toMatchObject([{ field: ['code'] }]);
    for (const where of [world, there]) {
      const given = { challenge: mfaChallenge, code: '123456' };
      expect((await signInBy(where, 'completeMfa', given)).answer.status).toBe(429);
    }
    for (let i = 0; i < 10; i += 1)
      await logIn(i % 2 === 0 ? world : there, 'guessed@alpha.test', { password: 'wrong' });
    for (const where of [world, there])
      expect((await logIn(where, 'guessed@alpha.test')).answer.status).toBe(429);
  } finally {
    await second.close();
  }
});
