/** Attacks on log-in and on access tokens, over HTTP against the started server. */
import { createHmac, generateKeyPairSync } from 'node:crypto';
import { createApplication } from '../../src/application';
import { start } from '../../src/main';
import { createLogger } from '../../src/server/logger';
import { logIn, makeUser, signInBy, standing, tokensOf } from '../support/people';
import { createWorld, PASSWORD, testConfig, type World } from '../support/world';

const SECRET = 'a-secret-of-the-tests-of-at-least-32-bytes';
let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.close());

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const partsOf = (token: string): Record<string, unknown>[] =>
  token
    .split('.')
    .slice(0, 2)
    .map(
      (text) => JSON.parse(Buffer.from(text, 'base64url').toString()) as Record<string, unknown>,
    );

describe('log-in', () => {
  it('answers an unknown address, a wrong password and a disabled user with the same bytes and the same work', async () => {
    await makeUser(world, 'alpha', { email: 'out@alpha.test' });
    await world.sql(
      world.tenants.alpha.database,
      "update cloister.users set status = 'disabled' where email = 'out@alpha.test'",
    );
    const answers = new Set<string>();
    const statements = new Set<number>();
    for (const [email, password] of [
      ['member@alpha.test', 'wrong'],
      ['out@alpha.test', PASSWORD],
      ['out@alpha.test', 'wrong'],
    ] as const) {
      world.forgetStatements();
      const { answer } = await logIn(world, email, { password });
      answers.add(`${answer.status} ${answer.text}`);
      statements.add(world.statements.length);
    }
    for (const email of ['nobody@alpha.test', "' or 1=1 --", 'member@alpha.test\u0000', '']) {
      const { answer } = await logIn(world, email);
      answers.add(`${answer.status} ${answer.text}`);
    }
    expect([...answers]).toEqual([expect.stringMatching(/^401 .*UNAUTHENTICATED/)]);
    // That each is verified exactly once, and refused at the same beat, is in src/auth/login.test.ts.
    expect(statements.size).toBe(1);
  });

  it('gives tokens only where the password fits', async () => {
    const email = 'two@example.test';
    await makeUser(world, 'alpha', { email, password: 'the-password-in-alpha' });
    await makeUser(world, 'beta', { email, password: 'the-password-in-beta' });
    for (const slug of ['alpha', 'beta']) {
      const { tenant } = await logIn(world, email, { password: `the-password-in-${slug}` });
      expect(tenant).toEqual({ slug });
    }
    const crossed = { tenant: 'beta', password: 'the-password-in-alpha' };
    expect((await logIn(world, email, crossed)).answer.status).toBe(401);
  });

  it('refuses a password of fifty thousand characters before anything is asked', async () => {
    world.forgetStatements();
    const { userErrors } = await logIn(world, 'member@alpha.test', {
      password: 'a'.repeat(50_000),
    });
    expect(userErrors).toMatchObject([{ field: ['password'], code: 'INVALID' }]);
    expect(world.statements).toHaveLength(0);
  });

  it('is refused with Retry-After after ten wrong passwords, and another account is not', async () => {
    for (let i = 0; i < 10; i += 1) await logIn(world, 'reader@beta.test', { password: 'wrong' });
    const response = await fetch(`${world.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        query: 'mutation ($i: LoginInput!) { login(input: $i) { accessToken } }',
        variables: { i: { email: 'READER@beta.test', password: PASSWORD } },
      }),
    });
    expect(response.status).toBe(429);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(600);
    await tokensOf(world, 'member@beta.test');
  });
});

describe('an access token', () => {
  it('is refused when anything of it was chosen by somebody else', async () => {
    const { accessToken, refreshToken } = await tokensOf(world, 'member@alpha.test');
    const [header = {}, claims = {}] = partsOf(accessToken);
    const forge = (head: object, body: object, secret = SECRET, digest = 'sha256'): string => {
      const signed = `${part({ ...header, ...head })}.${part({ ...claims, ...body })}`;
      return `${signed}.${createHmac(digest, secret).update(signed).digest('base64url')}`;
    };
    expect(await standing(world, forge({}, {}))).toBe(true); // the forger knows how it is done
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const publicPem = publicKey.export({ format: 'pem', type: 'spki' }) as string;
    const [head, , signature] = accessToken.split('.');
    const forgeries = {
      'RS256 as HS256': forge({ alg: 'RS256' }, {}, publicPem),
      HS384: forge({ alg: 'HS384' }, {}, SECRET, 'sha384'),
      'no algorithm': `${part({ ...header, alg: 'none' })}.${part(claims)}.x`,
      'no exp': forge({}, { exp: undefined }),
      'the year 9999': forge({}, { exp: 253_370_764_800 }),
      'another issuer': forge({}, { iss: 'evil' }),
      'another audience': forge({}, { aud: 'evil' }),
      'another type': forge({ typ: 'JWT' }, {}),
      'a challenge’s type': forge({ typ: 'second-factor+jwt' }, {}),
      'a key that is a path': forge({ kid: '../../dev/null' }, {}, ''),
      'a key that is SQL': forge({ kid: "' union select 'x" }, {}, 'x'),
      'another secret': forge({}, {}, 'another-secret-of-the-tests-of-32-bytes'),
      'an edited tenant': `${head}.${part({ ...claims, tid: world.tenants.beta.id })}.${signature}`,
      'a refresh token': refreshToken,
    };
    for (const [what, token] of Object.entries(forgeries)) {
      const { status, errors } = await world.query({ token }, '{ viewer { tenant { slug } } }');
      expect([what, status, errors[0]?.extensions.code]).toEqual([what, 401, 'UNAUTHENTICATED']);
    }
    // Well signed for another tenant, as a stolen key would: there is no such session there.
    expect(await standing(world, forge({}, { tid: world.tenants.beta.id }))).toBe(false);
  });

  it('of a retired key is refused, and of one that only no longer signs is not', async () => {
    const { accessToken } = await tokensOf(world, 'reader@alpha.test');
    for (const [keys, stands] of [
      [`j2:another-${SECRET},j1:${SECRET}`, true],
      [`j2:another-${SECRET}`, false],
    ] as const) {
      const other = await createApplication({
        config: testConfig(world.registry, { AUTH_JWT_KEYS: keys }),
        logger: createLogger('silent'),
      });
      try {
        const { url } = await other.http.listen();
        const { status } = await fetch(`${url}/graphql`, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            authorization: `Bearer ${accessToken}`,
          },
          body: '{"query":"{ viewer { tenant { slug } } }"}',
        });
        expect([keys, status === 200]).toEqual([keys, stands]);
      } finally {
        await other.close();
      }
    }
  });

  it('cannot be made with a secret of less than 32 bytes: boot is refused', async () => {
    const variables = { AUTH_JWT_KEYS: 'j1:too-short', CLOISTER_HOME: '/nonexistent' };
    await expect(start(() => undefined, { variables })).rejects.toThrow(/at least 32 bytes/);
  });
});

describe('a refresh token', () => {
  it('that is used again ends its whole family', async () => {
    const first = await tokensOf(world, 'admin@beta.test');
    const second = await signInBy(world, 'refreshSession', { refreshToken: first.refreshToken });
    const again = await signInBy(world, 'refreshSession', { refreshToken: first.refreshToken });
    expect(again.answer.status).toBe(401);
    const { refreshToken } = second;
    expect((await signInBy(world, 'refreshSession', { refreshToken })).answer.status).toBe(401);
    expect(await standing(world, second.accessToken ?? '')).toBe(false);
  });

  it('is exchanged once by any number of requests at once', async () => {
    const { refreshToken } = await tokensOf(world, 'admin@gamma.test');
    const results = await Promise.all(
      [1, 2, 3, 4, 5].map(() => signInBy(world, 'refreshSession', { refreshToken })),
    );
    expect(results.filter(({ answer }) => answer.status === 200)).toHaveLength(1);
  });
});
