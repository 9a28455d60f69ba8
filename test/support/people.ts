/** Signing in as the tests of people do: by mutations, with all that they answer. */
import type { Mail } from '../../src/mail/mail';
import { PASSWORD, type Answer, type TenantName, type World } from './world';

export interface SessionAnswer {
  readonly accessToken: string | null;
  readonly refreshToken: string | null;
  readonly mfaChallenge: string | null;
  readonly tenant: { readonly slug: string } | null;
  readonly tenants: readonly { readonly slug: string }[] | null;
  readonly userErrors: readonly { field: string[]; message: string; code: string }[];
}

const SESSION =
  'accessToken refreshToken mfaChallenge tenant { slug } tenants { slug } userErrors { field message code }';

/** A mutation that answers with a session, by name. */
export async function signInBy(
  world: World,
  mutation: string,
  input: object,
  token?: string,
): Promise<SessionAnswer & { readonly answer: Answer }> {
  const type = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input!`;
  const answer = await world.query<Record<string, SessionAnswer>>(
    token === undefined ? undefined : { token },
    `mutation ($input: ${type}) { ${mutation}(input: $input) { ${SESSION} } }`,
    { input },
  );
  return { ...(answer.data[mutation] as SessionAnswer), answer };
}

export const logIn = (
  world: World,
  email: string,
  given: { tenant?: string; password?: string } = {},
) => signInBy(world, 'login', { email, password: PASSWORD, ...given });

/** Both tokens of somebody who can sign in. */
export async function tokensOf(
  world: World,
  email: string,
  given: { tenant?: string; password?: string } = {},
): Promise<{ accessToken: string; refreshToken: string }> {
  const { accessToken, refreshToken, answer } = await logIn(world, email, given);
  if (!accessToken || !refreshToken) throw new Error(`Expected to sign in, got ${answer.text}`);
  return { accessToken, refreshToken };
}

/** Makes a user who can sign in, as the tenant's admin. @returns their id */
export async function makeUser(
  world: World,
  tenant: TenantName,
  given: { email: string; password?: string; role?: string; name?: string },
): Promise<string> {
  const answer = await world.query<{ createUser: { user: { id: string } | null } }>(
    { tenant },
    'mutation ($input: CreateUserInput!) { createUser(input: $input) { user { id } userErrors { message } } }',
    { input: { name: 'Ada', password: PASSWORD, ...given } },
  );
  const id = answer.data.createUser.user?.id;
  if (id === undefined) throw new Error(`Expected a user, got ${answer.text}`);
  return id;
}

/** Whether the token is still good. */
export async function standing(world: World, token: string): Promise<boolean> {
  const { status } = await world.query({ token }, '{ viewer { tenant { slug } } }');
  return status === 200;
}

/** The tokens in the links of a mail, in their order. */
export const tokensIn = ({ text }: Mail): string[] =>
  [...text.matchAll(/#token=(\S+)/g)].map(([, token = '']) => token);

/** The same world, asked at another process of it: anonymously or with a token. */
export const worldAt = (world: World, url: string): World => ({
  ...world,
  url,
  async query<T>(as: Parameters<World['query']>[0], query: string, variables?: object) {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json',
        ...(as !== undefined && 'token' in as ? { authorization: `Bearer ${as.token}` } : {}),
      },
      body: JSON.stringify({ query, variables }),
    });
    const text = await response.text();
    const body = JSON.parse(text) as { data?: T; errors?: Answer['errors'] };
    const data = (body.data ?? {}) as T;
    return { status: response.status, text, data, errors: body.errors ?? [] };
  },
});
