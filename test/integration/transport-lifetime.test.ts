import { Registry } from 'prom-client';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { RequestContext } from '../../src/request/context';
import { outcomeOf, startServer } from '../support/start-server';
import type { StartedServer } from '../support/start-server';

async function withServer(
  options: Parameters<typeof startServer>[0],
  work: (server: StartedServer) => Promise<void>,
): Promise<void> {
  const server = await startServer(options);
  try {
    await work(server);
  } finally {
    await server.close();
  }
}

/** The smallest statement timeout there is makes a deadline of 250 ms. */
const HASTY = { environment: { STATEMENT_TIMEOUT_MS: '100' } };

describe('a request that takes too long', () => {
  it('is answered 504 and its database work is cancelled, whatever its resolver waits for', () =>
    withServer(HASTY, async (server) => {
      const answer = await server.post('{ hang account { id } }', { as: 'reader' });
      expect(outcomeOf(answer)).toBe('504 TIMEOUT');
      const [context] = server.contexts;
      expect(context?.cancels).toEqual([expect.objectContaining({ code: 'TIMEOUT' })]);
      expect(context?.ends).toBe(1);
    }));

  it('is answered 504 also when its context is what takes too long, which is ended then', async () => {
    let finish: (context: RequestContext) => void = () => undefined;
    let ends = 0;
    const createContext = () => new Promise<RequestContext>((resolve) => (finish = resolve));
    await withServer({ ...HASTY, createContext }, async (server) => {
      expect(outcomeOf(await server.post('{ hello }'))).toBe('504 TIMEOUT');
      finish({
        principal: undefined,
        end: async () => void (ends += 1),
      } as unknown as RequestContext);
      await wait(0);
      expect(ends).toBe(1);
    });
  });

  it('does not hold up the next one on the connection', () =>
    withServer(HASTY, async (server) => {
      await server.post('{ hang }');
      expect(outcomeOf(await server.post('{ hello }'))).toBe('200 OK');
    }));
});

describe('a client that goes away', () => {
  it('in the middle of its body is no failure of ours', () =>
    withServer({}, async (server) => {
      const { hostname, port } = new URL(server.url);
      const socket = connect(Number(port), hostname);
      const arrived = new Promise((resolve) => server.app.server.once('request', resolve));
      socket.write(
        'POST /graphql HTTP/1.1\r\nHost: cloister\r\nContent-Type: application/json\r\n' +
          'Content-Length: 50\r\n\r\n{"query":',
      );
      await arrived;
      socket.destroy();
      while (!server.logs.some((line) => line.includes('"status":499'))) await wait(5);
      expect(server.logs.filter((line) => line.includes('"level":"error"'))).toEqual([]);
    }));

  it('has its database work cancelled and its context ended once', () =>
    withServer({}, async (server) => {
      const controller = new AbortController();
      const gone = fetch(server.graphqlUrl, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: 'reader' },
        body: JSON.stringify({ query: '{ hang account { id } }' }),
        signal: controller.signal,
      }).catch(() => 'gone');
      while (server.contexts.length === 0) await wait(5);
      controller.abort();
      expect(await gone).toBe('gone');
      while (server.contexts[0]?.ends === 0) await wait(5);
      expect(server.contexts[0]?.cancels).toHaveLength(1);
      expect(server.contexts[0]?.ends).toBe(1);
      while (!server.logs.some((line) => line.includes('"status":499'))) await wait(5);
    }));

  it('has nothing to cancel once it was answered', () =>
    withServer({}, async (server) => {
      await server.post('{ account { id } }', { as: 'reader' });
      await server.post('{ fail }', { as: 'reader' });
      expect(server.contexts).toEqual([
        { plans: [1], cancels: [], ends: 1 },
        { plans: [], cancels: [], ends: 1 },
      ]);
    }));
});

describe('health', () => {
  it('is alive whatever its dependencies say, and ready only when they do', async () => {
    const readiness = async () => ({ ready: false, checks: { registry: 'unreachable' } });
    await withServer({ readiness }, async (server) => {
      expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
      const ready = await fetch(`${server.url}/readyz`);
      expect(ready.status).toBe(503);
      expect(await ready.json()).toEqual({ ready: false, checks: { registry: 'unreachable' } });
    });
  });
});

describe('metrics', () => {
  it('count requests by route and errors by code, with no label a client can invent', async () => {
    const metricsRegistry = new Registry();
    await withServer({ metricsRegistry }, async (server) => {
      await server.post('query Invented { fail(how: "plain") }');
      await fetch(`${server.url}/invented/path?query=x`);
      const response = await fetch(`${server.url}/metrics`);
      const text = await response.text();
      expect(response.headers.get('content-type')).toMatch(/^text\/plain/);
      expect(text).toContain(
        'cloister_http_requests_total{method="POST",route="/graphql",status="200"} 1',
      );
      expect(text).toContain('cloister_graphql_errors_total{code="INTERNAL_SERVER_ERROR"} 1');
      expect(text).toContain('route="(unknown)",status="404"');
      expect(text.toLowerCase()).not.toContain('invented');
    });
  });

  it('are not there without a registry', () =>
    withServer({}, async (server) => {
      expect((await fetch(`${server.url}/metrics`)).status).toBe(404);
    }));
});
