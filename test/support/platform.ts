/** The operators' API of a world, as a test uses it: one operator of each role, made by hand. */
import { OPERATOR_ROLES, type OperatorRole } from '../../src/auth/operator-principal';
import { createPasswords } from '../../src/auth/passwords';
import { createOperators } from '../../src/platform/operators/operators.service';
import { PASSWORD, type Answer, type World } from './world';

export interface Platform {
  readonly emails: Readonly<Record<OperatorRole, string>>;
  /** A request as an operator; `as` absent: anonymous. */
  query<T = Record<string, unknown>>(
    as: OperatorRole | { readonly token: string } | undefined,
    query: string,
    variables?: Readonly<Record<string, unknown>>,
  ): Promise<Answer<T>>;
  /** The data of an operation that must not fail. */
  ask<T = Record<string, unknown>>(
    as: OperatorRole,
    query: string,
    variables?: Readonly<Record<string, unknown>>,
  ): Promise<T>;
  signIn(email: string, password?: string): Promise<OperatorTokens>;
  /** Id of a tenant or a data source, by its slug or name. */
  idOf(list: 'tenants' | 'dataSources', name: string): Promise<string>;
}

export interface OperatorTokens {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly operator: { readonly id: string; readonly role: string };
}

export const LOGIN = `mutation ($email: String!, $password: String!) {
  login(input: { email: $email, password: $password }) {
    accessToken refreshToken operator { id role } userErrors { field message code }
  }
}`;

export async function createPlatform(
  world: World,
  url = world.url,
  roles: readonly OperatorRole[] = OPERATOR_ROLES,
): Promise<Platform> {
  const { registryDb } = world.application.tenancy;
  const operators = createOperators({ registryDb, passwords: createPasswords() });
  const emails = { viewer: '', operator: '', owner: '' };
  for (const role of roles) {
    emails[role] = `${role}@cloister.test`;
    const operator = { email: emails[role], name: role, role, password: PASSWORD };
    await operators.create('test', operator);
  }
  const tokens = new Map<OperatorRole, Promise<OperatorTokens>>();

  const send = async <T>(token: string | undefined, query: string, variables = {}) => {
    const response = await fetch(`${url}/platform/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ query, variables }),
    });
    const text = await response.text();
    const body = JSON.parse(text) as { data?: T; errors?: Answer['errors'] };
    return {
      status: response.status,
      text,
      data: (body.data ?? {}) as T,
      errors: body.errors ?? [],
    };
  };

  const platform: Platform = {
    emails,
    async query(as, query, variables) {
      if (as === undefined) return send(undefined, query, variables);
      if (typeof as === 'object') return send(as.token, query, variables);
      const known = tokens.get(as) ?? platform.signIn(emails[as]);
      tokens.set(as, known);
      return send((await known).accessToken, query, variables);
    },
    async ask<T>(as: OperatorRole, query: string, variables?: Readonly<Record<string, unknown>>) {
      const { data, errors } = await platform.query<T>(as, query, variables);
      expect(errors).toEqual([]);
      return data;
    },
    async signIn(email, password = PASSWORD) {
      const { data, text } = await send<{ login: OperatorTokens | null }>(undefined, LOGIN, {
        email,
        password,
      });
      if (!data.login) throw new Error(`Expected ${email} to sign in, but got ${text}.`);
      return data.login;
    },
    async idOf(list, name) {
      const field = list === 'tenants' ? 'slug' : 'name';
      const data = await platform.ask<Record<string, { nodes: { id: string }[] }>>(
        'viewer',
        `query ($name: String!) { ${list}(filter: { ${field}: { eq: $name } }) { nodes { id } } }`,
        { name },
      );
      const [found] = data[list]?.nodes ?? [];
      if (found === undefined) throw new Error(`Expected to find ${name} among the ${list}.`);
      return found.id;
    },
  };
  return platform;
}
