/** One person in several organisations: what is proven at log-in, and what is not. */
import { TOTP } from 'otpauth';
import { apiOf } from '../support/api';
import { logIn, makeUser, signInBy, standing, tokensOf } from '../support/people';
import { createWorld, PASSWORD, type TenantName, type World } from '../support/world';

const OTHER_PASSWORD = 'another-horse-another-battery';
let world: World;
let people = 0;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.close());

interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
}

const organisationsOf = async ({ accessToken }: Pick<Tokens, 'accessToken'>): Promise<string[]> => {
  const { data } = await world.query<{ viewer: { organisations: { slug: string }[] } }>(
    { token: accessToken },
    '{ viewer { organisations { slug } } }',
  );
  return data.viewer.organisations.map(({ slug }) => slug);
};

const switchTo = (tenant: string, { accessToken, refreshToken }: Tokens) =>
  signInBy(world, 'switchTenant', { tenant, refreshToken }, accessToken);

/** A person of several organisations, by their password there. */
async function person(passwords: Partial<Record<TenantName, string>>) {
  const email = `agency${(people += 1)}@example.test`;
  const ids: Partial<Record<TenantName, string>> = {};
  for (const [tenant, password] of Object.entries(passwords))
    ids[tenant as TenantName] = await makeUser(world, tenant as TenantName, { email, password });
  return { email, ids };
}

const agency = (): ReturnType<typeof person> =>
  person({ alpha: PASSWORD, gamma: PASSWORD, delta: PASSWORD, beta: OTHER_PASSWORD });

const disable = async (tenant: TenantName, id = ''): Promise<void> => {
  const { faults } = apiOf(world, tenant);
  const { user } = await apiOf(world, tenant).ask<{ user: { version: number } }>(
    'query ($id: ID!) { user(id: $id) { version } }',
    { id },
  );
  const change = { id, version: user.version, status: 'DISABLED' };
  expect(await faults('updateUser', change)).toEqual([]);
};

describe('a person of several organisations', () => {
  it('goes on in each where the password of the log-in fits, without showing it again', async () => {
    const { email } = await agency();
    const inAlpha = await tokensOf(world, email, { tenant: 'alpha' });
    expect(await organisationsOf(inAlpha)).toEqual(['alpha', 'delta', 'gamma']);
    const inGamma = await switchTo('gamma', inAlpha);
    expect(inGamma).toMatchObject({ tenant: { slug: 'gamma' }, userErrors: [] });
    const { viewer } = (
      await world.query<{ viewer: unknown }>(
        { token: inGamma.accessToken ?? '' },
        '{ viewer { tenant { slug } user { email } } }',
      )
    ).data;
    expect(viewer).toEqual({ tenant: { slug: 'gamma' }, user: { email } });
    // The session it came from goes on, and so does the person: to a third, and back.
    expect(await standing(world, inAlpha.accessToken)).toBe(true);
    const inDelta = await switchTo('delta', inGamma as Tokens);
    const back = await switchTo('alpha', inDelta as Tokens);
    expect(back.tenant).toEqual({ slug: 'alpha' });
    // After a refresh as well.
    const renewed = await signInBy(world, 'refreshSession', { refreshToken: back.refreshToken });
    expect((await switchTo('gamma', renewed as Tokens)).tenant).toEqual({ slug: 'gamma' });
  });

  it('gets one answer for what does not exist, is foreign, or has another password', async () => {
    const { email } = await agency();
    const tokens = await tokensOf(world, email, { tenant: 'alpha' });
    const refusals = new Set<string>();
    for (const tenant of ['beta', 'nowhere', 'alpha', '']) {
      const { answer, accessToken, userErrors } = await switchTo(tenant, tokens);
      expect(accessToken).toBeNull();
      expect(userErrors).toMatchObject([{ field: ['tenant'] }]);
      refusals.add(answer.text);
    }
    expect(refusals.size).toBe(1);
    const stranger = await tokensOf(world, 'member@alpha.test');
    refusals.add((await switchTo('gamma', stranger)).answer.text);
    expect(refusals.size).toBe(1);
  });

  it('is not whoever an admin elsewhere gives the same address', async () => {
    const { email } = await person({ alpha: PASSWORD });
    await makeUser(world, 'beta', { email, password: OTHER_PASSWORD });
    const intruder = await tokensOf(world, email, { tenant: 'beta', password: OTHER_PASSWORD });
    expect(await organisationsOf(intruder)).toEqual(['beta']);
    expect((await switchTo('alpha', intruder)).accessToken).toBeNull();
  });

  it('needs the session’s own, latest refresh token: an access token alone is not enough', async () => {
    const { email } = await agency();
    const tokens = await tokensOf(world, email, { tenant: 'alpha' });
    const other = await tokensOf(world, email, { tenant: 'alpha' });
    const renewed = await signInBy(world, 'refreshSession', { refreshToken: tokens.refreshToken });
    for (const refreshToken of ['', 'x', tokens.refreshToken, other.refreshToken]) {
      const { userErrors, accessToken } = await switchTo('gamma', {
        accessToken: renewed.accessToken ?? '',
        refreshToken,
      });
      expect(accessToken).toBeNull();
      expect(userErrors).toMatchObject([{ field: ['refreshToken'] }]);
    }
    expect((await switchTo('gamma', renewed as Tokens)).accessToken).not.toBeNull();
  });

  it('is found by nothing that a customer can write into a database of their own', async () => {
    const { email } = await agency();
    const victim = await tokensOf(world, email, { tenant: 'alpha' });
    const mine = await tokensOf(world, 'admin@delta.test');
    // The owner of delta's database takes the victim's address there, and gives a session of their
    // own the family of the victim's proof.
    const { database, users: owners } = world.tenants.delta;
    await world.sql(
      database,
      `update cloister.user_sessions set refresh_family_hash =
         (select family_hash from cloister.sign_in_proofs order by created_at desc limit 1)
       where user_id = $1`,
      [owners.admin],
    );
    await world.sql(
      database,
      "update cloister.users set email = 'x' || email, email_key = 'x' || email_key where email = $1",
      [email],
    );
    await world.sql(
      database,
      'update cloister.users set email = $1, email_key = $1 where id = $2',
      [email, owners.admin],
    );
    expect(await organisationsOf(mine)).toEqual(['delta']);
    expect((await switchTo('gamma', mine)).accessToken).toBeNull();
    expect(await organisationsOf(victim)).toContain('gamma');
  });
});

describe('a proof ends', () => {
  const proofs = async (tenant: TenantName, email: string): Promise<number> => {
    const rows = await world.sql(
      world.tenants[tenant].database,
      `select 1 from cloister.sign_in_proofs p join cloister.users u on u.id = p.user_id where u.email = $1`,
      [email],
    );
    return rows.length;
  };

  it('with the user, who is disabled or gets another password there', async () => {
    const { email, ids } = await agency();
    const tokens = await tokensOf(world, email, { tenant: 'alpha' });
    await disable('gamma', ids.gamma);
    expect((await switchTo('gamma', tokens)).accessToken).toBeNull();
    // Not by the application's doing alone: a hash that changes in whatever way voids it.
    await world.sql(
      world.tenants.delta.database,
      "update cloister.users set password_hash = password_hash || ' ' where email = $1",
      [email],
    );
    expect(await proofs('delta', email)).toBe(1);
    expect((await switchTo('delta', tokens)).accessToken).toBeNull();
    expect(await organisationsOf(tokens)).toEqual(['alpha']);
  });

  it('with the organisation’s service, which is told only where it was proven', async () => {
    const { email } = await agency();
    const tokens = await tokensOf(world, email, { tenant: 'alpha' });
    const suspend = (tenant: TenantName, status: string) =>
      world.sql(world.registry, 'update registry.tenants set status = $1 where slug = $2', [
        status,
        tenant,
      ]);
    await suspend('gamma', 'suspended');
    try {
      await untilTold(async () => !(await organisationsOf(tokens)).includes('gamma'));
      const { answer } = await switchTo('gamma', tokens);
      expect(answer.errors[0]?.extensions.code).toBe('TENANT_SUSPENDED');
      const stranger = await tokensOf(world, 'member@alpha.test');
      expect((await switchTo('gamma', stranger)).userErrors).toHaveLength(1);
    } finally {
      await suspend('gamma', 'active');
    }
    await untilTold(async () => (await organisationsOf(tokens)).includes('gamma'));
  });

  it('with the log-out there, and the session that is left cannot go back', async () => {
    const { email } = await agency();
    const inAlpha = await tokensOf(world, email, { tenant: 'alpha' });
    const inGamma = (await switchTo('gamma', inAlpha)) as Tokens;
    await world.query(
      { token: inAlpha.accessToken },
      'mutation { logout { userErrors { code } } }',
    );
    expect(await standing(world, inGamma.accessToken)).toBe(true);
    expect((await switchTo('alpha', inGamma)).accessToken).toBeNull();
    expect((await switchTo('delta', inGamma)).accessToken).not.toBeNull();
  });

  it('with its time', async () => {
    const { email } = await agency();
    const tokens = await tokensOf(world, email, { tenant: 'alpha' });
    await world.sql(
      world.tenants.gamma.database,
      "update cloister.sign_in_proofs set expires_at = now() - interval '1 s'",
    );
    expect((await switchTo('gamma', tokens)).accessToken).toBeNull();
  });
});

describe('a second factor in the organisation that is switched to', () => {
  it('is asked for once in a log-in', async () => {
    const { email } = await agency();
    const there = await tokensOf(world, email, { tenant: 'gamma' });
    const ask = async (name: string, type: string, input: object, fields: string) =>
      (
        await world.query<Record<string, { secret: string }>>(
          { token: there.accessToken },
          `mutation ($input: ${type}!) { ${name}(input: $input) { ${fields} } }`,
          { input },
        )
      ).data[name];
    const password = { currentPassword: PASSWORD };
    const secret =
      (await ask('enrolMfa', 'CurrentPasswordInput', password, 'secret'))?.secret ?? '';
    const code = (steps: number) =>
      new TOTP({ secret }).generate({ timestamp: Date.now() + steps * 30_000 });
    await ask('confirmMfa', 'ConfirmMfaInput', { code: code(-1) }, 'recoveryCodes');

    const inAlpha = await tokensOf(world, email, { tenant: 'alpha' });
    expect(await organisationsOf(inAlpha)).toContain('gamma');
    const { accessToken, mfaChallenge, tenant } = await switchTo('gamma', inAlpha);
    expect([accessToken, tenant]).toEqual([null, { slug: 'gamma' }]);
    const challenge = mfaChallenge ?? '';
    const shown = await signInBy(world, 'completeMfa', { challenge, code: code(1) });
    expect(shown.tenant).toEqual({ slug: 'gamma' });
    // It is of the same log-in: the way back is open, and the way here without another code.
    const back = await switchTo('alpha', shown as Tokens);
    expect(back.tenant).toEqual({ slug: 'alpha' });
    expect((await switchTo('gamma', back as Tokens)).accessToken).not.toBeNull();
    // Another log-in has to show it again.
    const anew = await tokensOf(world, email, { tenant: 'alpha' });
    expect((await switchTo('gamma', anew)).mfaChallenge).not.toBeNull();
  });
});

it('does not keep people from one organisation because another cannot be reached', async () => {
  const { email } = await agency();
  await world.sql(
    world.registry,
    `update registry.tenants set data_source_id = null where slug = 'delta'`,
  );
  try {
    await untilTold(async () => {
      const { accessToken } = await logIn(world, 'admin@delta.test');
      return !accessToken;
    });
    const tokens = await tokensOf(world, email, { tenant: 'alpha' });
    expect(await organisationsOf(tokens)).toEqual(['alpha', 'gamma']);
  } finally {
    await world.sql(
      world.registry,
      `update registry.tenants set data_source_id = (select id from registry.data_sources where name = 'byo') where slug = 'delta'`,
    );
  }
});

/** The directory hears of a change to the registry soon, not at once. */
async function untilTold(holds: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 100; i += 1) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('Expected the change to be heard of within five seconds.');
}
