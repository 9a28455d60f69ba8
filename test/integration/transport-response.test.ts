import { SECURITY_HEADERS } from '../../src/server/plugins/security-headers.plugin';
import { outcomeOf, send, startServer } from '../support/start-server';
import type { StartedServer } from '../support/start-server';

let server: StartedServer;

beforeAll(async () => {
  server = await startServer({ environment: { CORS_ORIGINS: 'https://app.example.test' } });
});

afterAll(() => server.close());

const API_POLICY = "default-src 'none';frame-ancestors 'none'";
const JSON_TYPE = { 'content-type': 'application/json' };

describe('a response', () => {
  it('carries no CORS header for another origin', async () => {
    const answer = await server.post('{ hello }', { headers: { origin: 'https://evil.example' } });
    expect(outcomeOf(answer)).toBe('200 OK');
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    const preflight = await fetch(server.graphqlUrl, {
      method: 'OPTIONS',
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
    });
    expect(preflight.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('lets a configured origin read it', async () => {
    const origin = 'https://app.example.test';
    const answer = await server.post('{ hello }', { headers: { origin } });
    expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
    const preflight = await fetch(server.graphqlUrl, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST' },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe(origin);
  });

  it('names the request, by the client’s id when that is harmless', async () => {
    const own = await server.post('{ hello }', { headers: { 'x-request-id': 'trace-1.2:3' } });
    expect(own.headers.get('x-request-id')).toBe('trace-1.2:3');
    const made = await server.post('{ hello }', { headers: { 'x-request-id': '<script>' } });
    expect(made.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('tells browsers to trust it with nothing, and not what it runs on', async () => {
    const { headers } = await server.post('{ hello }');
    expect(headers.get('x-powered-by')).toBeNull();
    expect(headers.get('server')).toBeNull();
    expect(Object.fromEntries(headers)).toMatchObject(SECURITY_HEADERS);
    expect(headers.get('content-security-policy')).toBe(API_POLICY);
    expect(headers.get('cache-control')).toBe('no-store');
  });

  it('is compressed when it is large', async () => {
    const headers = { 'accept-encoding': 'gzip' };
    const large = await server.post('{ text(length: 20000) }', { headers });
    expect(large.headers.get('content-encoding')).toBe('gzip');
    expect(large.body.data?.['text']).toHaveLength(20_000);
    const small = await server.post('{ hello }', { headers });
    expect(small.headers.get('content-encoding')).toBeNull();
  });
});

describe('the explorer', () => {
  it('is there when asked for, and its assets are free of the policy of the API', async () => {
    const explored = await startServer({ explorer: { demo: true } });
    try {
      const page = await fetch(`${explored.url}/explorer`);
      await page.text();
      expect(page.headers.get('content-security-policy') ?? '').not.toBe(API_POLICY);
      expect([200, 503]).toContain(page.status);
      const asset = await send(`${explored.url}/explorer/assets/none.js`, {});
      expect(outcomeOf(asset)).toBe('404 NOT_FOUND');
    } finally {
      await explored.close();
    }
    expect(outcomeOf(await send(`${server.url}/explorer`, {}))).toBe('404 NOT_FOUND');
  });
});

describe('a path', () => {
  it.each(['/playground', '/console', '/', '/graphql/x', '/graphiql'])(
    '%s that does not exist is told as JSON',
    async (path) => {
      expect(outcomeOf(await send(`${server.url}${path}`, {}))).toBe('404 NOT_FOUND');
      const init = { method: 'POST', headers: JSON_TYPE, body: '{' };
      expect((await send(`${server.url}${path}`, init)).body.errors).toHaveLength(1);
    },
  );

  it('that cannot be decoded is a bad request', async () => {
    expect(outcomeOf(await send(`${server.url}/%zz`, {}))).toBe('400 BAD_REQUEST');
  });
});

describe('the address of a client', () => {
  const addressSeen = async (environment: NodeJS.ProcessEnv): Promise<string | undefined> => {
    let seen: string | undefined;
    const server = await startServer({
      environment,
      createContext: ({ remoteAddress }) => {
        seen = remoteAddress;
        return Promise.reject(new Error('enough'));
      },
    });
    await server.post('{ hello }', { headers: { 'x-forwarded-for': '10.9.9.9, 203.0.113.7' } });
    await server.close();
    return seen;
  };

  it('is that of the connection, whatever the client claims', async () => {
    expect(await addressSeen({})).toBe('127.0.0.1');
  });

  it('is what the nearest proxy says, behind a trusted proxy, and no more', async () => {
    expect(await addressSeen({ TRUST_PROXY: 'true' })).toBe('203.0.113.7');
  });
});
