/** Users who are invited, and passwords that were forgotten: what goes by mail. */
import { passwordResetMail } from '../../src/mail/messages';
import { apiOf } from '../support/api';
import { logIn, makeUser, signInBy, standing, tokensIn, tokensOf } from '../support/people';
import { createWorld, PASSWORD, type TenantName, type World } from '../support/world';

const NEW_PASSWORD = 'another-horse-another-battery';
let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.close());
beforeEach(async () => {
  await world.takeMails();
});

interface Invited {
  readonly user: { readonly id: string; readonly status: string } | null;
  readonly userErrors: readonly { field: string[]; code: string }[];
}

async function invite(email: string, role?: string): Promise<Invited> {
  const { inviteUser } = await apiOf(world).ask<{ inviteUser: Invited }>(
    'mutation ($input: InviteUserInput!) { inviteUser(input: $input) { user { id status } userErrors { field code } } }',
    { input: { name: 'Nina New', email, ...(role === undefined ? {} : { role }) } },
  );
  return inviteUser;
}

/** @returns codes and fields of the user errors */
async function changeInvitation(name: string, id: string, tenant: TenantName = 'alpha') {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input!`;
  const data = await apiOf(world, tenant).ask<Record<string, Invited>>(
    `mutation ($input: ${type}) { ${name}(input: $input) { userErrors { field code } } }`,
    { input: { id } },
  );
  return data[name]?.userErrors.map(({ code, field }) => `${code} ${field.join('.')}`);
}

const accept = (token: string, password = PASSWORD) =>
  signInBy(world, 'acceptInvitation', { token, password });

describe('an invitation', () => {
  it('goes to the address as a link that sets a password and signs in', async () => {
    const invited = await invite('nina@alpha.test', 'READER');
    expect(invited).toMatchObject({ user: { status: 'INVITED' }, userErrors: [] });
    expect((await logIn(world, 'nina@alpha.test')).answer.status).toBe(401);
    const [mail, ...others] = await world.takeMails();
    expect(others).toEqual([]);
    expect(mail).toMatchObject({
      to: { name: 'Nina New', address: 'nina@alpha.test' },
      subject: 'Invitation to alpha',
    });
    expect(mail?.text).toContain('http://localhost:4000/accept-invitation#token=cot1_');
    const [token = ''] = mail === undefined ? [] : tokensIn(mail);

    expect((await accept(token, 'short')).userErrors).toMatchObject([{ field: ['password'] }]);
    const accepted = await accept(token);
    expect(accepted).toMatchObject({ tenant: { slug: 'alpha' }, userErrors: [] });
    expect(await standing(world, accepted.accessToken ?? '')).toBe(true);
    await tokensOf(world, 'nina@alpha.test');
  });

  it('works once, however many take it up at the same time', async () => {
    await invite('many@alpha.test');
    const [token = ''] = (await world.takeMails()).flatMap(tokensIn);
    const results = await Promise.all([1, 2, 3, 4].map(() => accept(token)));
    expect(results.filter(({ accessToken }) => accessToken !== null)).toHaveLength(1);
    for (const { accessToken, userErrors } of results) {
      if (accessToken === null) expect(userErrors).toMatchObject([{ field: ['token'] }]);
    }
  });

  it('is kept as a hash only', async () => {
    await invite('hash@alpha.test');
    const [token = ''] = (await world.takeMails()).flatMap(tokensIn);
    const rows = await world.sql<{ row: string }>(
      world.tenants.alpha.database,
      'select t::text as row from cloister.user_tokens t',
    );
    const secret = Buffer.from(token.slice(5), 'base64url').subarray(32);
    const kept = rows.map(({ row }) => row).join('\n');
    expect(kept).not.toContain(secret.toString('hex'));
    expect(kept).not.toContain(token);
  });

  it('can be sent again, and then the first link is void', async () => {
    const { user } = await invite('again@alpha.test');
    const [first = ''] = (await world.takeMails()).flatMap(tokensIn);
    expect(await changeInvitation('resendInvitation', user?.id ?? '')).toEqual([]);
    const [second = ''] = (await world.takeMails()).flatMap(tokensIn);
    expect((await accept(first)).userErrors).toMatchObject([{ field: ['token'] }]);
    expect((await accept(second)).accessToken).not.toBeNull();
    expect(await changeInvitation('resendInvitation', user?.id ?? '')).toEqual(['INVALID id']);
    expect(await world.takeMails()).toEqual([]);
  });

  it('can be taken back, and then neither the link works nor is the address taken', async () => {
    const { user } = await invite('back@alpha.test');
    const [token = ''] = (await world.takeMails()).flatMap(tokensIn);
    expect(await changeInvitation('cancelInvitation', user?.id ?? '')).toEqual([]);
    expect((await accept(token)).userErrors).toMatchObject([{ field: ['token'] }]);
    expect((await invite('back@alpha.test')).userErrors).toEqual([]);
  });

  it('lapses, and is void once the user has another address', async () => {
    const { database } = world.tenants.alpha;
    await invite('late@alpha.test');
    const [late = ''] = (await world.takeMails()).flatMap(tokensIn);
    await world.sql(
      database,
      "update cloister.user_tokens set expires_at = now() - interval '1 s'",
    );
    expect((await accept(late)).userErrors).toMatchObject([{ field: ['token'] }]);

    const { user } = await invite('moved@alpha.test');
    const [moved = ''] = (await world.takeMails()).flatMap(tokensIn);
    await apiOf(world).mutate('updateUser', {
      id: user?.id,
      version: 1,
      email: 'elsewhere@alpha.test',
    });
    expect((await accept(moved)).userErrors).toMatchObject([{ field: ['token'] }]);
  });

  it('is refused where the address is taken, and no mail is sent', async () => {
    expect(await invite('member@alpha.test')).toMatchObject({
      user: null,
      userErrors: [{ field: ['email'], code: 'CONFLICT' }],
    });
    expect(await world.takeMails()).toEqual([]);
  });

  it('of another tenant is answered as one that nobody has', async () => {
    const { user } = await invite('foreign@alpha.test');
    for (const name of ['resendInvitation', 'cancelInvitation']) {
      expect(await changeInvitation(name, user?.id ?? '', 'beta')).toEqual(['NOT_FOUND id']);
    }
  });

  it('is for admins to send', async () => {
    const input = { name: 'x', email: 'x@alpha.test' };
    const text =
      'mutation ($input: InviteUserInput!) { inviteUser(input: $input) { userErrors { code } } }';
    expect(await apiOf(world, 'alpha', 'member').fails(text, { input })).toBe('FORBIDDEN');
  });
});

describe('a forgotten password', () => {
  const ask = async (email: string) => {
    const answer = await world.query(
      undefined,
      'mutation ($input: RequestPasswordResetInput!) { requestPasswordReset(input: $input) { userErrors { message } } }',
      { input: { email } },
    );
    return answer.text;
  };
  const reset = async (token: string, newPassword = NEW_PASSWORD) => {
    const { data } = await world.query<{ resetPassword: { userErrors: { field: string[] }[] } }>(
      undefined,
      'mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) { userErrors { field } } }',
      { input: { token, newPassword } },
    );
    return data.resetPassword.userErrors.map(({ field }) => field.join('.'));
  };

  it('is answered alike whether or not somebody has the address, before anything is looked up', async () => {
    await makeUser(world, 'alpha', { email: 'disabled@alpha.test' });
    await world.sql(
      world.tenants.alpha.database,
      "update cloister.users set status = 'disabled' where email = 'disabled@alpha.test'",
    );
    const answers = new Set<string>();
    world.forgetStatements();
    for (const email of [
      'reader@alpha.test',
      'nobody@alpha.test',
      'disabled@alpha.test',
      '',
      "' or 1=1 --",
    ])
      answers.add(await ask(email));
    expect(answers.size).toBe(1);
    const mails = await world.takeMails();
    expect(mails.map(({ to }) => to.address)).toEqual(['reader@alpha.test']);
  });

  it('is replaced by a mailed link, which ends all sessions and lifts the lock of the account', async () => {
    const email = 'forgetful@alpha.test';
    await makeUser(world, 'alpha', { email });
    const { accessToken, refreshToken } = await tokensOf(world, email);
    for (let i = 0; i < 10; i += 1) await logIn(world, email, { password: 'wrong' });
    expect((await logIn(world, email)).answer.status).toBe(429);

    await ask(email);
    const [mail] = await world.takeMails();
    const [token = ''] = mail === undefined ? [] : tokensIn(mail);
    expect(await reset(token, 'short')).toEqual(['newPassword']);
    expect(await reset(token)).toEqual([]);
    expect(await reset(token)).toEqual(['token']);

    expect(await standing(world, accessToken)).toBe(false);
    expect((await signInBy(world, 'refreshSession', { refreshToken })).answer.status).toBe(401);
    expect((await logIn(world, email)).answer.status).toBe(401);
    await tokensOf(world, email, { password: NEW_PASSWORD });
    const [notice] = await world.takeMails();
    expect(notice?.text).toContain('Your password was changed by a mailed link in "alpha".');
  });

  it('has one mail with a link for each organisation of the address', async () => {
    const email = 'both@example.test';
    await makeUser(world, 'alpha', { email });
    await makeUser(world, 'gamma', { email });
    await ask(email);
    const [mail, ...others] = await world.takeMails();
    expect(others).toEqual([]);
    expect(mail?.text).toMatch(/alpha\nhttp.*\n\ngamma\nhttp/);
    const [, inGamma = ''] = mail === undefined ? [] : tokensIn(mail);
    expect(await reset(inGamma)).toEqual([]);
    await tokensOf(world, email, { tenant: 'gamma', password: NEW_PASSWORD });
    await tokensOf(world, email, { tenant: 'alpha' });
  });

  it('is asked for a few times an hour by account, known or not', async () => {
    for (const email of ['often@alpha.test', 'member@beta.test']) {
      for (let i = 0; i < 5; i += 1) expect(await ask(email)).toContain('"userErrors":[]');
      expect(await ask(email)).toContain('RATE_LIMITED');
    }
    // All of the links that were sent work: whoever asks in somebody's name takes nothing from them.
    const links = (await world.takeMails()).flatMap(tokensIn);
    expect(links).toHaveLength(5);
    expect(await reset(links[0] ?? '')).toEqual([]);
    expect(await reset(links[4] ?? '')).toEqual(['token']);
  });

  it('is no way in for an invitation’s token, nor the other way round', async () => {
    await invite('mixed@alpha.test');
    const [token = ''] = (await world.takeMails()).flatMap(tokensIn);
    expect(await reset(token)).toEqual(['token']);
    for (const madeUp of ['', 'cot1_', token.replace('cot1_', 'crt1_'), `${token}x`]) {
      expect((await accept(madeUp)).userErrors).toMatchObject([{ field: ['token'] }]);
    }
    expect((await accept(token)).accessToken).not.toBeNull();
  });
});

it('writes what people call themselves on one line', () => {
  const { text, to } = passwordResetMail(
    { name: 'Eve\n\nClick http://evil.test', address: 'eve@evil.test' },
    { links: [{ organisation: 'Evil\r\nBank', link: 'https://x' }], minutes: 1 },
  );
  expect(to.name).toBe('Eve Click http://evil.test');
  expect(text).toContain('Evil Bank\nhttps://x');
});
