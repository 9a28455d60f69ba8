import 'reflect-metadata';
import { graphql, type ExecutionResult, type GraphQLSchema } from 'graphql';
import type { AuthService } from '../../auth/auth.service';
import type { Principal } from '../../auth/principal';
import { badUserInput, invalidCredentials } from '../../errors';
import { extensionsOf } from '../../graphql/extensions';
import type { RequestContext } from '../../request/context';
import { createLoaderCache } from '../../request/loader-cache';
import { buildCrmSchema } from '../crm-schema';

const TENANT = {
  id: '01890a5d-ac96-774b-bcce-b302099a8057',
  slug: 'acme',
  name: 'Acme',
  status: 'active',
};
const USER = {
  id: '01890a5d-ac96-774b-bcce-b302099a8058',
  name: 'Ada',
  email: 'ada@acme.test',
  role: 'member',
} as const;
const SESSION = {
  tenant: TENANT,
  user: USER,
  accessToken: 'access',
  accessTokenExpiresAt: new Date(Date.UTC(2026, 0, 1)),
  refreshToken: 'crt1_refresh',
};
const PRINCIPAL: Principal = {
  userId: USER.id,
  tenantId: TENANT.id,
  sessionId: '01890a5d-ac96-774b-bcce-b302099a8059',
  role: 'member',
};
const FIELDS = `accessToken accessTokenExpiresAt refreshToken user { id name email role }
  tenant { id slug name } tenants { slug } userErrors { field message code }`;

let schema: GraphQLSchema;
/** Tenants whose data was opened to show who signed in. */
let entered: string[];
beforeEach(() => {
  entered = [];
});
beforeAll(async () => {
  schema = await buildCrmSchema();
});

/** An authentication of which each method answers as given; any other call fails. */
function ask(
  source: string,
  { auth = {}, principal }: { auth?: Partial<AuthService>; principal?: Principal } = {},
): Promise<ExecutionResult> {
  const contextValue: Partial<RequestContext> = {
    auth: auth as AuthService,
    principal,
    remoteAddress: '192.0.2.1',
    userAgent: 'test',
    session: {
      plan: () => undefined,
      query: async () => [{ ...USER, createdAt: new Date(0) }],
    } as unknown as RequestContext['session'],
    loaders: createLoaderCache(),
    enter: async (tenantId) => void entered.push(tenantId),
  };
  return graphql({ schema, source, contextValue });
}

describe('login', () => {
  const login = `mutation { login(input: { email: "a@b.c", password: "p", tenant: "acme" }) { ${FIELDS} } }`;

  it('answers with tokens, user and organisation, and hands over where it came from', async () => {
    const seen: unknown[] = [];
    const auth: Partial<AuthService> = {
      async login(input) {
        seen.push(input);
        return { kind: 'signedIn', session: SESSION };
      },
    };
    expect(await ask(login, { auth })).toEqual({
      data: {
        login: {
          accessToken: 'access',
          accessTokenExpiresAt: '2026-01-01T00:00:00.000Z',
          refreshToken: 'crt1_refresh',
          user: { ...USER, id: expect.stringMatching(/^user_/) as string, role: 'MEMBER' },
          tenant: { id: expect.stringMatching(/^tenant_/) as string, slug: 'acme', name: 'Acme' },
          tenants: [{ slug: 'acme' }],
          userErrors: [],
        },
      },
    });
    expect(entered).toEqual([TENANT.id]);
    expect(seen).toEqual([
      {
        email: 'a@b.c',
        password: 'p',
        tenantSlug: 'acme',
        client: { ip: '192.0.2.1', userAgent: 'test' },
      },
    ]);
  });

  it('answers with the choice of organisations and no token', async () => {
    const tenants = [TENANT, { ...TENANT, slug: 'initech' }];
    const answer = await ask(login, {
      auth: { login: async () => ({ kind: 'chooseTenant', tenants }) },
    });
    expect(answer.data?.['login']).toMatchObject({
      accessToken: null,
      refreshToken: null,
      tenant: null,
      user: null,
      tenants: [{ slug: 'acme' }, { slug: 'initech' }],
    });
    expect(entered).toEqual([]);
  });

  it('answers with what the input has wrong', async () => {
    const fault = badUserInput('too long', { field: 'password' });
    const answer = await ask(login, { auth: { login: () => Promise.reject(fault) } });
    expect(answer.errors).toBeUndefined();
    expect(answer.data?.['login']).toMatchObject({
      accessToken: null,
      userErrors: [{ field: ['password'], message: 'too long', code: 'INVALID' }],
    });
  });

  it('fails when the credentials are wrong', async () => {
    const answer = await ask(login, {
      auth: { login: () => Promise.reject(invalidCredentials()) },
    });
    expect(answer.errors?.[0]?.originalError).toMatchObject({ code: 'UNAUTHENTICATED' });
  });
});

describe('the other fields', () => {
  it('refresh a session', async () => {
    const answer = await ask(
      `mutation { refreshSession(input: { refreshToken: "old" }) { accessToken refreshToken } }`,
      { auth: { refresh: async (token) => ({ ...SESSION, accessToken: `for ${token}` }) } },
    );
    expect(answer.data?.['refreshSession']).toMatchObject({ accessToken: 'for old' });
  });

  it.each([
    ['logout', undefined, undefined],
    ['logout(input: { refreshToken: "mine" })', PRINCIPAL, 'mine'],
  ])('end a session by %s', async (field, principal, refreshToken) => {
    const seen: unknown[] = [];
    const auth: Partial<AuthService> = { logout: async (by) => void seen.push(by) };
    const answer = await ask(`mutation { ${field} { userErrors { message } } }`, {
      auth,
      ...(principal && { principal }),
    });
    expect(answer).toEqual({ data: { logout: { userErrors: [] } } });
    expect(seen).toEqual([{ principal, refreshToken }]);
  });

  it('show who is signed in, and where', async () => {
    const answer = await ask('{ viewer { user { name role } tenant { slug } } }', {
      auth: { getTenant: async () => TENANT },
      principal: PRINCIPAL,
    });
    expect(answer).toEqual({
      data: { viewer: { user: { name: 'Ada', role: 'MEMBER' }, tenant: { slug: 'acme' } } },
    });
  });

  it.each([
    '{ viewer { tenant { slug } } }',
    'mutation { changePassword(input: { currentPassword: "a", newPassword: "b" }) { accessToken } }',
  ])('ask to sign in first: %s', async (source) => {
    const answer = await ask(source);
    expect(answer.errors?.[0]?.originalError).toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  it('say who may call them', () => {
    const rules = [schema.getQueryType(), schema.getMutationType()]
      .flatMap((type) => Object.values(type?.getFields() ?? {}))
      .map((field) => [field.name, extensionsOf(field)]);
    expect(Object.fromEntries(rules)).toMatchObject({
      viewer: { rule: 'reader' },
      login: { rule: 'public' },
      refreshSession: { rule: 'public' },
      logout: { rule: 'public' },
      changePassword: { rule: 'reader' },
    });
  });
});
