/**
 * A small GraphQL API of the shape that the explorer's page expects, in memory: it lets the page be
 * tested in a browser without a database. Every record names its tenant, so that a test sees whose
 * data is on the screen.
 */
import Fastify from 'fastify';
import type { FastifyInstance } from 'fastify';
import {
  buildSchema,
  graphql,
  GraphQLError,
  NoSchemaIntrospectionCustomRule,
  parse,
  validate,
} from 'graphql';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { registerExplorer } from '../../src/server/explorer/explorer.plugin';

const SCHEMA = buildSchema(readFileSync(join(__dirname, 'explorer-api.graphql'), 'utf8'));

const TENANT_NAMES = { acme: 'Acme', globex: 'Globex', initech: 'Initech', hooli: 'Hooli' };
type Slug = keyof typeof TENANT_NAMES;
const SLUGS = Object.keys(TENANT_NAMES) as Slug[];
const tenantOf = (slug: Slug) => ({ id: `tenant_${slug}`, slug, name: TENANT_NAMES[slug] });

interface Identity {
  readonly slug: Slug;
  readonly email: string;
}

const userOf = ({ slug, email }: Identity) => {
  const role = email.startsWith('agency') ? 'admin' : (email.split('@')[0] ?? '');
  return { id: `user_${slug}_${role}`, name: `Robin ${role}`, email, role };
};

const tenantsOf = (email: string): Slug[] =>
  email === 'agency@example.test'
    ? ['acme', 'initech']
    : SLUGS.filter(
        (slug) => /^(admin|member|reader)@/.test(email) && email.endsWith(`@${slug}.test`),
      );

function accountsOf({ slug, email }: Identity) {
  const tenant = TENANT_NAMES[slug];
  return [1, 2, 3].map((number) => ({
    id: `account_${slug}_${number}`,
    name: `${tenant} customer ${number}`,
    industry: 'software',
    annualRevenue: { amount: '1250000.00', currencyCode: 'EUR' },
    contacts: {
      nodes: [
        { id: `contact_${slug}_${number}`, fullName: 'Ada Lovelace', email: 'ada@example.test' },
      ],
    },
    opportunities: opportunitiesOf({ slug, email }),
    events: {
      nodes: [
        {
          id: `event_${slug}_${number}`,
          name: 'Spring fair',
          startsAt: '2027-04-02T09:00:00Z',
          dates: { nodes: [{ startsAt: '2027-04-02T09:00:00Z', location: { name: 'Hall 4' } }] },
        },
      ],
    },
  }));
}

const opportunitiesOf = (identity: Identity) => ({
  nodes: [
    {
      id: `opportunity_${identity.slug}`,
      name: `${TENANT_NAMES[identity.slug]} renewal`,
      stage: 'negotiation',
      amount: { amount: '48000.00', currencyCode: 'EUR' },
      owner: userOf(identity),
      account: { name: 'Customer 1', industry: 'software' },
      lineItems: { nodes: [{ quantity: 12, product: { name: 'Booth, corner' } }] },
    },
  ],
  pageInfo: { hasNextPage: false, endCursor: null },
  totalCount: 1,
});

const unauthenticated = (message: string) =>
  new GraphQLError(message, { extensions: { code: 'UNAUTHENTICATED', http: { status: 401 } } });

export interface ExplorerApi {
  readonly url: string;
  /** The operations received, by name, in order. */
  readonly operations: readonly string[];
  /** Access tokens of sessions not yet ended. */
  readonly liveTokens: () => number;
  close(): Promise<void>;
}

export interface ExplorerApiOptions {
  readonly port?: number;
  readonly production?: boolean;
  readonly accessTokenTtlMs?: number;
}

/** Starts the fake on a free port, with the explorer on it. The caller closes it. */
export async function startExplorerApi(options: ExplorerApiOptions = {}): Promise<ExplorerApi> {
  const { production = false, accessTokenTtlMs = 900_000, port = 0 } = options;
  const sessions = new Map<string, Identity>();
  const operations: string[] = [];
  let issued = 0;

  function issue(identity: Identity) {
    const number = ++issued;
    sessions.set(`${number}`, identity);
    return {
      accessToken: `access-${number}`,
      refreshToken: `refresh-${number}`,
      accessTokenExpiresAt: new Date(Date.now() + accessTokenTtlMs).toISOString(),
      tenant: tenantOf(identity.slug),
      tenants: tenantsOf(identity.email).map(tenantOf),
      user: userOf(identity),
      userErrors: [],
    };
  }

  const rootFor = (identity: Identity | undefined) => {
    const signedIn = () => {
      if (!identity) throw unauthenticated('Sign in first.');
      return identity;
    };
    return {
      viewer: () => ({ user: userOf(signedIn()), tenant: tenantOf(signedIn().slug) }),
      accounts: () => ({
        nodes: accountsOf(signedIn()),
        pageInfo: { hasNextPage: false, endCursor: null },
        totalCount: 3,
      }),
      opportunities: () => opportunitiesOf(signedIn()),
      login: ({ input }: { input: { email: string; password: string; tenant?: string } }) => {
        const slugs = tenantsOf(input.email).filter(
          (slug) => !input.tenant || slug === input.tenant,
        );
        const [slug] = slugs;
        if (!slug || input.password !== 'correct-horse-battery') {
          throw unauthenticated('The e-mail or the password is wrong.');
        }
        return slugs.length === 1
          ? issue({ slug, email: input.email })
          : { tenants: slugs.map(tenantOf), userErrors: [] };
      },
      refreshSession: ({ input }: { input: { refreshToken: string } }) => {
        const number = input.refreshToken.replace('refresh-', '');
        const known = sessions.get(number);
        if (!known || !sessions.delete(number)) throw unauthenticated('Sign in first.');
        return issue(known);
      },
      logout: ({ input }: { input: { refreshToken: string } }) => {
        sessions.delete(input.refreshToken.replace('refresh-', ''));
        return { userErrors: [] };
      },
      createContact: () => ({ contact: null, userErrors: [] }),
    };
  };

  const app: FastifyInstance = Fastify();
  await registerExplorer(app, { graphqlPath: '/graphql', demo: !production });
  app.post<{
    Body: { query: string; operationName?: string; variables?: Record<string, unknown> };
  }>('/graphql', async (request, reply) => {
    const { query, operationName, variables } = request.body;
    const token = request.headers.authorization?.replace('Bearer access-', '') ?? '';
    const identity = sessions.get(token);
    const refused =
      production && !identity
        ? validate(SCHEMA, parse(query), [NoSchemaIntrospectionCustomRule])
        : [];
    operations.push(operationName ?? /(?:query|mutation) (\w+)/.exec(query)?.[1] ?? 'anonymous');
    const result =
      refused.length > 0
        ? { errors: refused }
        : await graphql({
            schema: SCHEMA,
            source: query,
            rootValue: rootFor(identity),
            ...(operationName && { operationName }),
            ...(variables && { variableValues: variables }),
          });
    const status = result.errors?.[0]?.extensions['http'] ? 401 : refused.length > 0 ? 400 : 200;
    return reply
      .code(status)
      .type('application/graphql-response+json')
      .send(JSON.stringify(result));
  });
  const url = await app.listen({ port, host: '127.0.0.1' });
  return { url, operations, liveTokens: () => sessions.size, close: () => app.close() };
}
