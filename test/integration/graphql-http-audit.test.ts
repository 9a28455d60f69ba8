/** The audits of graphql-http, which nobody here wrote, and those of graphql-cop, by what they send. */
import { serverAudits } from 'graphql-http';
import { send, startServer } from '../support/start-server';
import type { StartedServer, StartOptions } from '../support/start-server';
import { createWorld } from '../support/world';

const start = (options: StartOptions = {}): Promise<StartedServer> => startServer(options);

/** The transport by itself, and a whole cloister with its real schema. */
const SERVERS = {
  'the transport': async () => {
    const server = await start();
    return { url: server.graphqlUrl, close: () => server.close() };
  },
  cloister: async () => {
    const world = await createWorld();
    return { url: `${world.url}/graphql`, close: () => world.close() };
  },
};

describe.each(Object.entries(SERVERS))('the GraphQL-over-HTTP audits of %s', (_name, open) => {
  let server: { url: string; close: () => Promise<void> };
  beforeAll(async () => {
    server = await open();
  });
  afterAll(() => server.close());

  /** How many audits there are is known only here; jest wants to know it before it starts. */
  const audits = serverAudits({
    url: () => server.url,
    fetchFn: (url: string, init: RequestInit = {}) =>
      fetch(url, { ...init, headers: { ...init.headers, 'apollo-require-preflight': 'true' } }),
  });

  it('are all there', () => {
    expect(audits).toHaveLength(61);
  });

  it.each(audits.map((audit) => [`${audit.id} ${audit.name}`, audit] as const))(
    '%s',
    async (_audit, audit) => {
      const result = await audit.fn();
      expect(result.status === 'ok' ? 'ok' : result.reason).toBe('ok');
      if ('response' in result) await result.response.body?.cancel();
    },
  );
});

describe('a server in production mode', () => {
  let production: StartedServer;
  const json = { 'content-type': 'application/json' };
  const post = (body: unknown, headers: Record<string, string> = json) =>
    send(production.graphqlUrl, { method: 'POST', headers, body: JSON.stringify(body) });
  const get = (query: string, headers: Record<string, string> = {}) =>
    send(`${production.graphqlUrl}?query=${encodeURIComponent(query)}`, { headers });

  beforeAll(async () => {
    production = await start({ environment: { NODE_ENV: 'production' } });
  });
  afterAll(() => production.close());

  it('refuses an overload of aliases', async () => {
    const aliases = Array.from({ length: 101 }, (_, i) => `alias${i}:__typename`).join(' ');
    expect((await post({ query: `query cop { ${aliases} }` })).body.data).toBeUndefined();
  });

  it('refuses an overload of fields', async () => {
    const fields = '__typename \n'.repeat(500);
    expect((await post({ query: `query cop { ${fields} }` })).body.data).toBeUndefined();
  });

  it('does not answer each of ten repeated directives with an error of its own', async () => {
    const { body } = await post({ query: `query cop { __typename ${'@aa'.repeat(10)} }` });
    expect(body.errors).toHaveLength(1);
  });

  it('refuses a batch', async () => {
    const batch = Array.from({ length: 10 }, () => ({ query: 'query cop { __typename }' }));
    expect((await post(batch)).body).not.toBeInstanceOf(Array);
  });

  it.each([
    'query cop { __schema { types { name fields { name } } } }',
    'query cop { __schema { types { fields { type { fields { type { fields { type { name } } } } } } } } }',
    'query cop { ...f } fragment f on Query { a: __type(name: "Query") { name } }',
  ])('hides its schema from anonymous clients (%s)', async (query) => {
    const { status, body } = await post({ query });
    expect(status).toBe(400);
    expect(body.errors?.[0]?.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
    expect(body.data).toBeUndefined();
  });

  it('hides it also when a signed-in client has asked the same before', async () => {
    const query = '{ __schema { queryType { name } } }';
    const signedIn = await production.post(query, { as: 'reader' });
    expect(signedIn.body.data).toEqual({ __schema: { queryType: { name: 'Query' } } });
    expect((await production.post(query)).status).toBe(400);
  });

  it.each([
    ['{ __schema { directive } }', {}],
    ['{ helo }', {}],
    ['mutation($input: LoginInput!) { login(input: $input) }', { input: { emial: 'a' } }],
    ['{ text(lenght: 1) }', {}],
  ])('suggests nothing for %s', async (query, variables) => {
    const { text, body } = await post({ query, variables });
    expect(body.errors?.length).toBeGreaterThan(0);
    expect(text).not.toContain('Did you mean');
  });

  it('runs no query by GET without a preflight header, and no mutation by GET at all', async () => {
    expect((await get('query cop { __typename }')).body.data).toBeUndefined();
    const mutation = await get('mutation cop { __typename }', {
      'apollo-require-preflight': 'true',
    });
    expect(mutation.body.data).toBeUndefined();
    expect(mutation.status).toBe(405);
  });

  it('takes no urlencoded POST', async () => {
    const init = {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'query=query%20cop%20%7B__typename%7D',
    };
    expect((await send(production.graphqlUrl, init)).body.data).toBeUndefined();
  });

  it('traces nothing', async () => {
    const { body } = await post({ query: 'query cop { __typename }' });
    expect(body.extensions?.['tracing']).toBeUndefined();
    const faulty = await post({ query: 'query cop { unknown }' });
    expect(faulty.text).not.toMatch(/tracing|stacktrace|exception/);
  });

  it.each(['/graphql', '/graphiql', '/playground', '/console'])(
    'serves no GraphiQL at %s',
    async (path) => {
      const response = await fetch(`${production.url}${path}`, {
        headers: { accept: 'text/html' },
      });
      const text = await response.text();
      expect(response.headers.get('content-type')).toMatch(/^application\/json/);
      expect(text).not.toMatch(/graphiql|playground|apollo.?studio/i);
    },
  );

  it('handles what it cannot parse without an exception', async () => {
    const { body, text } = await post({ query: 'qwerty cop { abc }' });
    expect(body.errors?.[0]?.extensions.code).toBe('GRAPHQL_PARSE_FAILED');
    expect(text).not.toContain('exception');
  });
});
