import { createFakeTenants, FAKE_EMAIL_INDEX_KEY } from '../../test/support/fake-tenants';
import { tenantUnavailable } from '../errors';
import { createAccessTokens } from './access-tokens';
import { createEmailIndexKeyOf } from './email-address';
import { createLogin, type LoginInput } from './login';
import { createLoginLimits } from './login-limits';
import { createPasswords, type Passwords } from './passwords';
import type { LogInOfOnePerson } from './prove-elsewhere';
import { createSecondFactorChallenges } from './second-factor-challenges';
import { parseTokenKeys } from './token-keys';

const PASSWORD = 'correct-horse-battery';
const client = { ip: '192.0.2.1', userAgent: 'test' };
const passwords = createPasswords();

/** What was verified against which hash, in order. */
function createCountedPasswords(): Passwords & {
  readonly verified: (string | null | undefined)[];
} {
  const verified: (string | null | undefined)[] = [];
  return {
    ...passwords,
    verified,
    verify(storedHash, password) {
      verified.push(storedHash);
      return passwords.verify(storedHash, password);
    },
  };
}

/** Log-ins whose password was to be tried elsewhere as well. */
function createNotedProving() {
  const people: LogInOfOnePerson[] = [];
  return { people, proveElsewhere: async (person: LogInOfOnePerson) => void people.push(person) };
}

function setUp(limits = { wrongPerAccount: 10, wrongPerAddress: 100, windowSeconds: 60 }) {
  const tenants = createFakeTenants();
  const counted = createCountedPasswords();
  const signing = {
    keys: parseTokenKeys('k:a-secret-of-thirty-two-bytes-or-more'),
    issuer: 'cloister',
    audience: 'cloister-api',
  };
  const tokens = createAccessTokens({ ...signing, ttlSeconds: 900 });
  const challenges = createSecondFactorChallenges(signing);
  const { people, proveElsewhere } = createNotedProving();
  const login = createLogin({
    emailIndex: tenants.emailIndex,
    access: tenants.access,
    emailIndexKeyOf: createEmailIndexKeyOf(FAKE_EMAIL_INDEX_KEY),
    passwords: counted,
    limits: createLoginLimits(limits),
    accessTokens: tokens,
    challenges,
    proveElsewhere,
    refreshTokenTtlSeconds: 3600,
    refusalBeatMs: 1,
  });
  const attempt = (input: Partial<LoginInput> = {}) =>
    login({ email: 'ada@acme.test', password: PASSWORD, client, ...input });
  return { tenants, counted, tokens, challenges, people, attempt };
}

let passwordHash: string;
beforeAll(async () => {
  passwordHash = await passwords.hash(PASSWORD);
});

/** Everything of an error that a client could see. */
const refusalOf = async (attempt: Promise<unknown>) => {
  const error = await attempt.then(
    () => {
      throw new Error('expected a refusal');
    },
    (reason: unknown) => reason as { code: string; message: string; details: object },
  );
  return { code: error.code, message: error.message, details: error.details };
};

const WRONG = {
  code: 'UNAUTHENTICATED',
  message: 'The e-mail or the password is wrong.',
  details: {},
};

describe('log-in with an e-mail of one tenant', () => {
  it('signs in with the right password, however the e-mail is spelled', async () => {
    const { tenants, tokens, attempt } = setUp();
    const acme = tenants.add('acme');
    const user = tenants.addUser(acme, { email: 'ada@acme.test', passwordHash, role: 'admin' });
    const outcome = await attempt({ email: ' ADA@Acme.test ' });
    if (outcome.kind !== 'signedIn') throw new Error('expected to be signed in');
    expect(outcome.session).toMatchObject({ tenant: { slug: 'acme' }, user: { id: user.id } });
    expect(tokens.verify(outcome.session.accessToken)).toMatchObject({
      userId: user.id,
      tenantId: acme.id,
      sessionId: acme.sessions[0]?.id,
      role: 'admin',
    });
  });

  it('answers alike, and verifies as often, whatever the reason of the refusal', async () => {
    const { tenants, counted, attempt } = setUp();
    const acme = tenants.add('acme');
    const closed = tenants.add('closed');
    closed.status = 'closed';
    tenants.addUser(acme, { email: 'ada@acme.test', passwordHash });
    tenants.addUser(acme, { email: 'disabled@acme.test', passwordHash, status: 'disabled' });
    tenants.addUser(acme, { email: 'invited@acme.test', status: 'invited' });
    tenants.addUser(acme, { email: 'nopassword@acme.test' });
    tenants.addUser(closed, { email: 'ada@closed.test', passwordHash });
    const attempts: Partial<LoginInput>[] = [
      { password: 'wrong' },
      { password: '' },
      { email: 'unknown@acme.test' },
      { email: '' },
      { email: "' or 1=1 --" },
      { email: 'nul\u0000@acme.test' },
      { email: 'disabled@acme.test' },
      { email: 'invited@acme.test' },
      { email: 'nopassword@acme.test' },
      { email: 'ada@closed.test', password: 'wrong' },
      { tenantSlug: 'closed' },
      { tenantSlug: 'nowhere' },
    ];
    for (const given of attempts) {
      counted.verified.length = 0;
      expect({ given, refusal: await refusalOf(attempt(given)) }).toEqual({
        given,
        refusal: WRONG,
      });
      expect(counted.verified).toHaveLength(1);
    }
  });

  it('refuses an oversized password before anything is computed', async () => {
    const { counted, attempt } = setUp();
    await expect(attempt({ password: 'a'.repeat(1_000_000) })).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
      details: { field: 'password' },
    });
    expect(counted.verified).toHaveLength(0);
  });

  it('says that the tenant is suspended only to those who know the password', async () => {
    const { tenants, attempt } = setUp();
    const acme = tenants.add('acme');
    tenants.addUser(acme, { email: 'ada@acme.test', passwordHash });
    acme.status = 'suspended';
    expect(await refusalOf(attempt({ password: 'wrong' }))).toEqual(WRONG);
    await expect(attempt()).rejects.toMatchObject({ code: 'TENANT_SUSPENDED' });
    expect(acme.sessions).toHaveLength(0);
  });

  it('lets a tenant on trial sign in', async () => {
    const { tenants, attempt } = setUp();
    const acme = tenants.add('acme');
    acme.status = 'trial';
    tenants.addUser(acme, { email: 'ada@acme.test', passwordHash });
    await expect(attempt()).resolves.toMatchObject({ kind: 'signedIn' });
  });

  it('says so when the only tenant cannot be reached, and does not count that as wrong', async () => {
    const { tenants, attempt } = setUp({
      wrongPerAccount: 1,
      wrongPerAddress: 9,
      windowSeconds: 60,
    });
    const acme = tenants.add('acme');
    tenants.addUser(acme, { email: 'ada@acme.test', passwordHash });
    acme.failure = tenantUnavailable('DATA_SOURCE_UNREACHABLE');
    for (let i = 0; i < 3; i += 1) {
      await expect(attempt()).rejects.toMatchObject({ code: 'TENANT_UNAVAILABLE' });
    }
    acme.failure = undefined;
    await expect(attempt()).resolves.toMatchObject({ kind: 'signedIn' });
  });

  it('brings an outdated hash up to date', async () => {
    const { tenants, attempt } = setUp();
    const acme = tenants.add('acme');
    const older = await import('@node-rs/argon2').then(({ hash }) =>
      hash(PASSWORD, { memoryCost: 8192, timeCost: 1, parallelism: 1 }),
    );
    const user = tenants.addUser(acme, { email: 'ada@acme.test', passwordHash: older });
    await attempt();
    expect(user.passwordHash).toMatch(/m=19456,t=2,p=1/);
    await expect(attempt()).resolves.toMatchObject({ kind: 'signedIn' });
  });
});

describe('log-in with an e-mail of several tenants', () => {
  async function setUpAgency() {
    const world = setUp();
    const acme = world.tenants.add('acme');
    const initech = world.tenants.add('initech');
    const hooli = world.tenants.add('hooli');
    const email = 'agency@example.test';
    const another = await passwords.hash('another-long-password');
    world.tenants.addUser(initech, { email, passwordHash });
    world.tenants.addUser(acme, { email, passwordHash });
    world.tenants.addUser(hooli, { email, passwordHash: another });
    return {
      ...world,
      acme,
      initech,
      hooli,
      attempt: (input = {}) => world.attempt({ email, ...input }),
    };
  }

  it('gets the list of those where the password fits, and no session anywhere', async () => {
    const { acme, initech, hooli, attempt } = await setUpAgency();
    const outcome = await attempt();
    expect(outcome).toMatchObject({
      kind: 'chooseTenant',
      tenants: [{ slug: 'acme' }, { slug: 'initech' }],
    });
    for (const tenant of [acme, initech, hooli]) expect(tenant.sessions).toHaveLength(0);
  });

  it('signs in to the one that is named, and verifies there alone', async () => {
    const { acme, hooli, initech, counted, people, attempt } = await setUpAgency();
    await expect(attempt({ tenantSlug: 'initech' })).resolves.toMatchObject({
      kind: 'signedIn',
      session: { tenant: { slug: 'initech' } },
    });
    expect(initech.sessions).toHaveLength(1);
    expect(counted.verified).toHaveLength(1);
    // Whether it fits in the others too is found out apart, and only once it fitted here.
    expect(people).toMatchObject([{ here: { tenantId: initech.id } }]);
    expect([...(people[0]?.elsewhere ?? [])].sort()).toEqual([acme.id, hooli.id].sort());
    await expect(attempt({ tenantSlug: 'initech', password: 'wrong' })).rejects.toMatchObject(
      WRONG,
    );
    expect(people).toHaveLength(1);
  });

  it('asks for the second factor where the user has one, and opens no session before', async () => {
    const { initech, challenges, attempt } = await setUpAgency();
    for (const user of initech.users) user.secondFactor = true;
    const outcome = await attempt({ tenantSlug: 'initech' });
    if (outcome.kind !== 'secondFactor')
      throw new Error('expected to be asked for a second factor');
    expect(challenges.verify(outcome.challenge)).toMatchObject({
      tenantId: initech.id,
      userId: initech.users[0]?.id,
    });
    expect(initech.sessions).toHaveLength(0);
    const wrong = { tenantSlug: 'initech', password: 'wrong' };
    expect(await refusalOf(attempt(wrong))).toEqual(WRONG);
  });

  it('signs in where the password fits when it fits in one only', async () => {
    const { attempt } = await setUpAgency();
    await expect(attempt({ password: 'another-long-password' })).resolves.toMatchObject({
      kind: 'signedIn',
      session: { tenant: { slug: 'hooli' } },
    });
  });

  it('does not sign in to a named tenant where the password does not fit', async () => {
    const { attempt } = await setUpAgency();
    expect(await refusalOf(attempt({ tenantSlug: 'hooli' }))).toEqual(WRONG);
  });

  it('works in the others when one cannot be reached', async () => {
    const { acme, attempt } = await setUpAgency();
    acme.failure = tenantUnavailable('DATA_SOURCE_UNREACHABLE');
    await expect(attempt()).resolves.toMatchObject({ session: { tenant: { slug: 'initech' } } });
  });

  it('does not call a password wrong that may fit in one that cannot be reached, but counts it', async () => {
    const { tenants, attempt } = setUp({
      wrongPerAccount: 2,
      wrongPerAddress: 9,
      windowSeconds: 60,
    });
    const [acme, initech] = [tenants.add('acme'), tenants.add('initech')];
    for (const tenant of [acme, initech])
      tenants.addUser(tenant, { email: 'ada@acme.test', passwordHash });
    acme.failure = tenantUnavailable('DATA_SOURCE_UNREACHABLE');
    const wrong = { password: 'wrong' };
    await expect(attempt(wrong)).rejects.toMatchObject({ code: 'TENANT_UNAVAILABLE' });
    await expect(attempt(wrong)).rejects.toMatchObject({ code: 'TENANT_UNAVAILABLE' });
    await expect(attempt(wrong)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  });

  it('leaves out those where the user is disabled', async () => {
    const { acme, attempt } = await setUpAgency();
    for (const user of acme.users) user.status = 'disabled';
    await expect(attempt()).resolves.toMatchObject({ session: { tenant: { slug: 'initech' } } });
  });

  it('leaves out those that are suspended', async () => {
    const { acme, attempt } = await setUpAgency();
    acme.status = 'suspended';
    await expect(attempt()).resolves.toMatchObject({ session: { tenant: { slug: 'initech' } } });
  });
});

describe('the limits of log-in', () => {
  it.each(['ada@acme.test', 'unknown@acme.test'])('are the same for %s', async (email) => {
    const { tenants, counted, attempt } = setUp();
    tenants.addUser(tenants.add('acme'), { email: 'ada@acme.test', passwordHash });
    for (let i = 0; i < 10; i += 1) {
      expect(await refusalOf(attempt({ email, password: 'wrong' }))).toEqual(WRONG);
    }
    counted.verified.length = 0;
    await expect(attempt({ email })).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    expect(counted.verified).toHaveLength(0);
  });

  it('begin anew after a right password', async () => {
    const { tenants, attempt } = setUp({
      wrongPerAccount: 2,
      wrongPerAddress: 9,
      windowSeconds: 60,
    });
    tenants.addUser(tenants.add('acme'), { email: 'ada@acme.test', passwordHash });
    for (const password of ['wrong', PASSWORD, 'wrong'])
      await attempt({ password }).catch(() => undefined);
    await expect(attempt()).resolves.toMatchObject({ kind: 'signedIn' });
  });
});
