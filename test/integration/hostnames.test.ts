/** Hosts that name tenants: who signs in there, whose tokens count there, and how a name is proved. */
import { request } from 'node:http';
import { createApplication, type Application } from '../../src/application';
import { createLogger } from '../../src/server/logger';
import { addHostname, recheckHostnames, verifyHostname } from '../../src/tenancy/routes/hostnames';
import type { ResolveTxt } from '../../src/tenancy/routes/domain-proof';
import { eventually } from '../support/data-sources';
import { createWorld, PASSWORD, testConfig, type TenantName, type World } from '../support/world';

const VIEWER = '{ viewer { tenant { slug } } }';
const LOGIN = `mutation ($input: LoginInput!) {
  login(input: $input) { accessToken refreshToken tenant { slug } tenants { slug } } }`;
const REFRESH = `mutation ($input: RefreshSessionInput!) {
  refreshSession(input: $input) { accessToken refreshToken tenant { slug } } }`;

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly body: {
    readonly data?: Record<string, any>; // eslint-disable-line @typescript-eslint/no-explicit-any -- answers of several shapes
    readonly errors?: { readonly extensions: { readonly code: string } }[];
  };
}

/** What DNS says, for the test to change. */
const zone = new Map<string, string[]>();
let dnsFails = false;
const resolveTxt: ResolveTxt = (name) => {
  if (dnsFails) return Promise.reject(Object.assign(new Error('down'), { code: 'ESERVFAIL' }));
  const texts = zone.get(name);
  if (texts === undefined) {
    return Promise.reject(Object.assign(new Error('none'), { code: 'ENOTFOUND' }));
  }
  return Promise.resolve(texts.map((text) => [text.slice(0, 10), text.slice(10)]));
};

let world: World;
let open: Application;
let strict: Application;
let trusting: Application;
const urls: Record<'open' | 'strict' | 'trusting', string> = { open: '', strict: '', trusting: '' };

beforeAll(async () => {
  world = await createWorld();
  const start = async (environment: NodeJS.ProcessEnv): Promise<Application> =>
    createApplication({
      config: testConfig(world.registry, { PUBLIC_DOMAIN: 'crm.example', ...environment }),
      logger: createLogger('silent'),
      refusalBeatMs: 1,
      resolveTxt,
    });
  [open, strict, trusting] = await Promise.all([
    start({}),
    start({ PUBLIC_HOSTS: 'api.crm.example' }),
    start({ TRUST_PROXY: 'true' }),
  ]);
  urls.open = (await open.http.listen()).url;
  urls.strict = (await strict.http.listen()).url;
  urls.trusting = (await trusting.http.listen()).url;
  // The same person with the same password in two tenants.
  for (const tenant of ['alpha', 'gamma'] as const) {
    await world.query(
      { tenant },
      'mutation ($input: CreateUserInput!) { createUser(input: $input) { userErrors { message } } }',
      { input: { name: 'Agency', email: 'agency@test.test', password: PASSWORD, role: 'ADMIN' } },
    );
  }
});
afterAll(async () => {
  await Promise.all([open, strict, trusting].map((application) => application.close()));
  await world.close();
});
beforeEach(() => {
  zone.clear();
  dnsFails = false;
});

/** Not fetch, which does not let its caller choose the Host header. */
function ask(
  query: string,
  options: {
    host: string;
    variables?: object;
    token?: string;
    base?: string;
    headers?: Record<string, string>;
  },
): Promise<Answer> {
  const { host, variables, token, base = urls.open, headers } = options;
  return new Promise((resolve, reject) => {
    const sent = request(
      `${base}/graphql`,
      {
        method: 'POST',
        headers: {
          host,
          'content-type': 'application/json',
          accept: 'application/graphql-response+json',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...headers,
        },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            text,
            body: JSON.parse(text) as Answer['body'],
          }),
        );
      },
    );
    sent.on('error', reject);
    sent.end(JSON.stringify({ query, variables }));
  });
}

const login = (host: string, email: string, tenant?: string, password = PASSWORD) =>
  ask(LOGIN, { host, variables: { input: { email, password, ...(tenant && { tenant }) } } });
const signIn = async (tenant: TenantName): Promise<{ token: string; refresh: string }> => {
  const { body } = await login('crm.example', `admin@${tenant}.test`);
  const { accessToken, refreshToken } = body.data?.['login'] as Record<string, string>;
  return { token: accessToken ?? '', refresh: refreshToken ?? '' };
};
const codeOf = ({ body }: Answer): string | undefined => body.errors?.[0]?.extensions.code;

describe('at the host of a tenant', () => {
  it('its people sign in to it, without a choice and without naming it', async () => {
    const everywhere = await login('crm.example', 'agency@test.test');
    expect(everywhere.body.data?.['login']).toMatchObject({
      accessToken: null,
      tenants: [{ slug: 'alpha' }, { slug: 'gamma' }],
    });
    for (const slug of ['alpha', 'gamma']) {
      const there = await login(`${slug}.crm.example:4000`, 'agency@test.test');
      expect(there.body.data?.['login']).toMatchObject({
        accessToken: expect.any(String) as string,
        tenant: { slug },
        tenants: [{ slug }],
      });
    }
  });

  it('those of another are refused as anybody with a wrong password is', async () => {
    const wrong = await login('beta.crm.example', 'admin@beta.test', undefined, 'not-the-password');
    const refused = [
      await login('beta.crm.example', 'admin@alpha.test'),
      await login('beta.crm.example', 'agency@test.test'),
      await login('beta.crm.example', 'agency@test.test', 'alpha'),
      await login('nobody.crm.example', 'admin@alpha.test'),
      await login('a.b.crm.example', 'admin@alpha.test'),
      await login('-.crm.example', 'admin@alpha.test'),
    ];
    expect(wrong.status).toBe(401);
    expect(refused.map(({ status, text }) => `${status} ${text}`)).toEqual(
      refused.map(() => `401 ${wrong.text}`),
    );
  });

  it('a token of another tenant is none', async () => {
    const { token } = await signIn('alpha');
    const at = (host: string) => ask(VIEWER, { host, token });
    expect((await at('alpha.crm.example')).body.data).toEqual({
      viewer: { tenant: { slug: 'alpha' } },
    });
    expect((await at('ALPHA.CRM.example.:443')).status).toBe(200);
    const none = await ask(VIEWER, { host: 'beta.crm.example', token: 'a.b.c' });
    for (const host of ['beta.crm.example', 'nobody.crm.example', 'alpha.alpha.crm.example']) {
      const refused = await at(host);
      expect({ status: refused.status, text: refused.text }).toEqual({
        status: 401,
        text: none.text,
      });
    }
  });

  it('a refresh token of another is refused and not used up', async () => {
    const { refresh } = await signIn('alpha');
    const variables = { input: { refreshToken: refresh } };
    const refused = await ask(REFRESH, { host: 'beta.crm.example', variables });
    expect(codeOf(refused)).toBe('UNAUTHENTICATED');
    const good = await ask(REFRESH, { host: 'alpha.crm.example', variables });
    expect(good.body.data?.['refreshSession']).toMatchObject({ tenant: { slug: 'alpha' } });
  });
});

describe('a host that is no tenant’s', () => {
  it('serves all tenants where no hosts are listed, and nobody where they are', async () => {
    const { token } = await signIn('alpha');
    const at = (host: string, base: string) => ask(VIEWER, { host, token, base });
    for (const host of ['anything.example', 'localhost:4000', '127.0.0.1', 'crm.example']) {
      expect((await at(host, urls.open)).status).toBe(200);
    }
    for (const host of ['api.crm.example', 'crm.example', 'alpha.crm.example']) {
      expect((await at(host, urls.strict)).status).toBe(200);
    }
    for (const host of ['anything.example', '127.0.0.1', 'crm.example.evil.example']) {
      const refused = await at(host, urls.strict);
      expect({ status: refused.status, code: codeOf(refused) }).toEqual({
        status: 400,
        code: 'BAD_REQUEST',
      });
    }
  });

  it('is what the proxy says only where a proxy is trusted', async () => {
    const { token } = await signIn('alpha');
    const headers = { 'x-forwarded-host': 'beta.crm.example' };
    const host = 'alpha.crm.example';
    expect((await ask(VIEWER, { host, token, headers })).status).toBe(200);
    expect((await ask(VIEWER, { host, token, headers, base: urls.trusting })).status).toBe(401);
  });
});

describe('a host name of a customer’s own', () => {
  const ADD = `mutation ($input: HostnameInput!) {
    addHostname(input: $input) {
      hostname { hostname verifiedAt recordName recordValue } userErrors { field code message } } }`;
  const VERIFY = `mutation ($input: HostnameInput!) {
    verifyHostname(input: $input) { hostname { verifiedAt } userErrors { field code message } } }`;
  const REMOVE = `mutation ($input: HostnameInput!) {
    removeHostname(input: $input) { removedHostname userErrors { field code } } }`;
  const LIST = '{ hostnames { hostname verifiedAt } }';

  const as = async (tenant: TenantName, query: string, hostname?: string) => {
    const { token } = await signIn(tenant);
    const answer = await ask(query, {
      host: 'crm.example',
      token,
      ...(hostname === undefined ? {} : { variables: { input: { hostname } } }),
    });
    expect(answer.body.errors).toBeUndefined();
    return Object.values(answer.body.data ?? {})[0];
  };
  const claim = async (tenant: TenantName, hostname: string) => {
    const { hostname: claimed } = await as(tenant, ADD, hostname);
    return claimed as { recordName: string; recordValue: string };
  };
  const publish = ({ recordName, recordValue }: { recordName: string; recordValue: string }) =>
    zone.set(recordName, [...(zone.get(recordName) ?? ['v=other']), recordValue]);
  const loginAt = async (host: string) =>
    (await login(host, 'agency@test.test')).body.data?.['login'];

  it('leads to its tenant once the proof is published, on every process, until it is given up', async () => {
    const host = 'crm.alpha.test';
    const proof = await claim('alpha', 'CRM.Alpha.test.');
    expect(proof).toEqual({
      hostname: host,
      verifiedAt: null,
      recordName: `_cloister-verify.${host}`,
      recordValue: expect.stringMatching(/^[0-9a-f]{48}$/) as string,
    });
    // Unverified it gives nothing.
    expect(await loginAt(host)).toMatchObject({ accessToken: null });
    expect(await as('alpha', VERIFY, host)).toMatchObject({
      hostname: null,
      userErrors: [{ field: ['hostname'], code: 'INVALID' }],
    });
    publish(proof);
    expect(await as('alpha', VERIFY, host)).toMatchObject({
      hostname: { verifiedAt: expect.any(String) as string },
      userErrors: [],
    });
    await eventually(
      () => loginAt(host),
      (seen) => seen?.tenant?.slug === 'alpha',
    );
    const { token } = await signIn('gamma');
    expect((await ask(VIEWER, { host, token })).status).toBe(401);
    await eventually(
      () => ask(VIEWER, { host, token, base: urls.strict }),
      ({ status }) => status === 401,
    );
    expect(await as('alpha', REMOVE, host)).toEqual({ removedHostname: host, userErrors: [] });
    await eventually(
      () => ask(VIEWER, { host, token }),
      ({ status }) => status === 200,
    );
  });

  it('is shown to its own tenant alone and to others is as one that nobody has', async () => {
    await claim('alpha', 'hidden.alpha.test');
    expect(await as('alpha', LIST)).toContainEqual({
      hostname: 'hidden.alpha.test',
      verifiedAt: null,
    });
    expect(await as('beta', LIST)).toEqual([]);
    for (const mutation of [VERIFY, REMOVE]) {
      const foreign = await as('beta', mutation, 'hidden.alpha.test');
      expect(foreign).toMatchObject({ userErrors: [{ field: ['hostname'], code: 'NOT_FOUND' }] });
      expect(await as('beta', mutation, 'random.alpha.test')).toEqual(foreign);
    }
  });

  it('belongs to one tenant: to the first that proved it, while its proof is there', async () => {
    const host = 'shared.test';
    const [first, second] = [await claim('alpha', host), await claim('beta', host)];
    publish(first);
    expect(await as('alpha', VERIFY, host)).toMatchObject({ userErrors: [] });
    publish(second);
    expect(await as('beta', VERIFY, host)).toMatchObject({
      hostname: null,
      userErrors: [{ field: ['hostname'], code: 'CONFLICT' }],
    });
    zone.set(second.recordName, [second.recordValue]);
    expect(await as('beta', VERIFY, host)).toMatchObject({ userErrors: [] });
    expect(await as('alpha', LIST)).toContainEqual({ hostname: host, verifiedAt: null });
    await as('beta', REMOVE, host);
  });

  it('is lost when its proof is gone three rounds in a row, and not while DNS is silent', async () => {
    const host = 'rounds.test';
    const proof = await claim('alpha', host);
    publish(proof);
    await as('alpha', VERIFY, host);
    const round = () => recheckHostnames({ registryDb: open.tenancy.registryDb, resolveTxt });
    expect((await round()).lost).toEqual([]);
    dnsFails = true;
    for (let n = 0; n < 4; n += 1) expect((await round()).lost).toEqual([]);
    dnsFails = false;
    zone.clear();
    expect((await round()).lost).toEqual([]);
    expect((await round()).lost).toEqual([]);
    publish(proof);
    expect((await round()).lost).toEqual([]);
    zone.clear();
    expect((await round()).lost).toEqual([]);
    expect((await round()).lost).toEqual([]);
    expect((await round()).lost).toEqual([host]);
    expect(await as('alpha', LIST)).toContainEqual({ hostname: host, verifiedAt: null });
  });

  it.each([
    'localhost',
    '127.0.0.1',
    '0x7f.1',
    '*.alpha.test',
    'a b.test',
    'http://alpha.test/',
    'alpha.test:443',
    'crm.example',
    'alpha.crm.example',
    '',
    `${'a'.repeat(64)}.test`,
    `${'a.'.repeat(130)}test`,
  ])('is not %j', async (hostname) => {
    expect(await as('alpha', ADD, hostname)).toMatchObject({
      hostname: null,
      userErrors: [{ field: ['hostname'], code: 'INVALID' }],
    });
  });

  it('is an admin’s to claim, and there are at most twenty of a tenant', async () => {
    const member = await login('crm.example', 'member@alpha.test');
    const token = (member.body.data?.['login'] as { accessToken: string }).accessToken;
    for (const query of [ADD, VERIFY, REMOVE]) {
      const variables = { input: { hostname: 'x.alpha.test' } };
      expect(codeOf(await ask(query, { host: 'crm.example', token, variables }))).toBe('FORBIDDEN');
    }
    expect(codeOf(await ask(LIST, { host: 'crm.example', token }))).toBe('FORBIDDEN');

    const { registryDb } = open.tenancy;
    const deps = { registryDb, resolveTxt, reserved: [] };
    const tenantId = world.tenants.delta.id;
    const many = await Promise.allSettled(
      Array.from({ length: 24 }, (_item, n) =>
        addHostname(deps, { tenantId, hostname: `h${n}.delta.test` }, 'test'),
      ),
    );
    expect(many.filter(({ status }) => status === 'fulfilled')).toHaveLength(20);
    await expect(
      verifyHostname(deps, { tenantId, hostname: 'h99.delta.test' }, 'test'),
    ).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
