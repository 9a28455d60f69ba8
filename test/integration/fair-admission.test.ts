/** What a tenant that floods costs the others in the server's process, and what it costs the tenant. */
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { rateLimited, unauthenticated } from '../../src/errors';
import type { ContextRequest, CreateContext } from '../../src/server/graphql/open-context';
import type { ServedContext } from '../../src/server/graphql/server-context';
import { eventually } from '../support/data-sources';
import { createFakeSchema } from '../support/fake-schema';
import { outcomeOf, startServer, type Answer, type StartedServer } from '../support/start-server';

const settledAs = (outcomes: readonly string[]): Record<string, number> =>
  outcomes.reduce<Record<string, number>>(
    (counts, outcome) => ({ ...counts, [outcome]: (counts[outcome] ?? 0) + 1 }),
    {},
  );

/** A tenant by the Authorization header; `limited…` is over its plan, `stranger` is nobody. */
const contextsByTenant: CreateContext = async (request) => {
  const tenantId = request.headers.authorization;
  if (tenantId === 'stranger') throw unauthenticated();
  if (tenantId !== undefined) request.onPrincipal({ tenantId, userId: 'user-1' });
  if (tenantId?.startsWith('limited') === true) throw rateLimited(9);
  return contextOf(request, tenantId);
};

function contextOf({ requestId }: ContextRequest, tenantId: string | undefined): ServedContext {
  const context = {
    requestId,
    principal: tenantId === undefined ? undefined : { tenantId, userId: 'user-1', role: 'admin' },
    session: { plan: () => undefined, cancel: () => undefined },
    end: async () => undefined,
  };
  return context;
}

describe('a tenant that floods a server process', () => {
  let server: StartedServer;
  let release: () => void;
  let settled: string[];

  async function start(
    environment: NodeJS.ProcessEnv = {},
    deadlineMs?: number,
    createContext: CreateContext = contextsByTenant,
  ): Promise<void> {
    const held = new Promise<void>((resolve) => (release = resolve));
    settled = [];
    server = await startServer({
      schema: createFakeSchema(held),
      createContext,
      metricsRegistry: new Registry(),
      environment: { ADMISSION_AT_ONCE: '2', ...environment },
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
    });
  }
  const ask = (tenant: string, query: string): Promise<Answer> =>
    server.post(query, { headers: { authorization: tenant } });
  const flood = (count: number, query = '{ held }'): Promise<unknown> =>
    Promise.all(
      Array.from({ length: count }, async () => {
        const answer = await ask('flooder', query);
        settled.push(outcomeOf(answer));
        return answer;
      }),
    );
  async function metric(name: string): Promise<number> {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]);
  }
  const until = (name: string, wanted: (value: number) => boolean): Promise<number> =>
    eventually(() => metric(name), wanted);

  afterEach(async () => {
    release();
    await server.close();
  });

  it('keeps no neighbour waiting, whose operations are let in as they come', async () => {
    await start();
    const flooding = flood(30);
    await until('cloister_operations_running', (running) => running >= 2);
    expect(outcomeOf(await ask('quiet', '{ hello }'))).toBe('200 OK');
    expect(outcomeOf(await ask('other', '{ hello }'))).toBe('200 OK');
    expect(settled).toEqual([]);
    release();
    await flooding;
    expect(settledAs(settled)).toEqual({ '200 OK': 30 });
  });

  it('is alone refused when it asks for more than may wait', async () => {
    await start({ ADMISSION_AT_ONCE: '1', ADMISSION_QUEUE_LIMIT: '4' });
    const flooding = flood(20);
    await eventually(
      () => settled.length,
      (count) => count >= 10,
    );
    const quiet = await Promise.all([1, 2, 3].map(() => ask('quiet', '{ hello }')));
    expect(quiet.map(outcomeOf)).toEqual(['200 OK', '200 OK', '200 OK']);
    release();
    await flooding;
    const { '503 OVERLOADED': refused = 0, '200 OK': answered = 0 } = settledAs(settled);
    expect([refused + answered, answered > 0]).toEqual([20, true]);
  });

  it('says when to come back to whom it refuses', async () => {
    await start({ ADMISSION_AT_ONCE: '1', ADMISSION_QUEUE_LIMIT: '1' });
    const asked = Array.from({ length: 40 }, () => ask('flooder', '{ held }'));
    const first = await Promise.race(asked);
    expect([outcomeOf(first), first.headers.get('retry-after')]).toEqual(['503 OVERLOADED', '1']);
    release();
    await Promise.all(asked);
  });

  it('has all it asks for in execution while the event loop has nothing to do', async () => {
    await start({ ADMISSION_AT_ONCE: '1' });
    const flooding = flood(25);
    await until('cloister_operations_running', (running) => running === 25);
    release();
    await flooding;
    expect(settledAs(settled)).toEqual({ '200 OK': 25 });
  });

  it('is answered to the last operation that waits when the server closes', async () => {
    await start({ ADMISSION_AT_ONCE: '1' });
    let arrived = 0;
    server.app.server.on('request', () => (arrived += 1));
    const flooding = flood(10);
    // A connection that has brought no request yet may be closed at once.
    await eventually(
      async () => arrived,
      (count) => count === 10,
    );
    const closed = server.close();
    release();
    await flooding;
    await closed;
    expect(settledAs(settled)).toEqual({ '200 OK': 10 });
  });

  describe('gives its place back', () => {
    const isFree = async (): Promise<void> => {
      await until('cloister_operations_running', (running) => running === 0);
      expect(await metric('cloister_operations_waiting')).toBe(0);
    };

    it.each([
      ['an answer', '{ hello }', '200 OK'],
      ['an error of a resolver', '{ fail(how: "plain") }', '200 INTERNAL_SERVER_ERROR'],
      ['a refusal in a resolver', '{ fail(how: "overload") }', '503 OVERLOADED'],
      ['a document that cannot be parsed', '{ hello', '400 GRAPHQL_PARSE_FAILED'],
      ['a document that is not valid', '{ nothing }', '400 GRAPHQL_VALIDATION_FAILED'],
    ])('with %s', async (_end, query, outcome) => {
      await start({ ADMISSION_AT_ONCE: '1' });
      for (let times = 0; times < 3; times += 1) {
        expect(outcomeOf(await ask('flooder', query))).toBe(outcome);
      }
      await isFree();
    });

    it.each([
      ['stranger', '401 UNAUTHENTICATED'],
      ['limited', '429 RATE_LIMITED'],
    ])('without having had one, when it is refused before: %s', async (who, outcome) => {
      await start();
      expect(outcomeOf(await ask(who, '{ hello }'))).toBe(outcome);
      await isFree();
    });

    it('when its deadline passes, in execution and waiting', async () => {
      await start({ ADMISSION_AT_ONCE: '1' }, 100);
      await flood(5, '{ hang }');
      expect(settledAs(settled)).toEqual({ '504 TIMEOUT': 5 });
      await isFree();
    });

    it('when its client leaves, in execution and waiting', async () => {
      await start({ ADMISSION_AT_ONCE: '1' });
      const body = JSON.stringify({ query: '{ held }' });
      const sockets = await Promise.all(
        Array.from({ length: 4 }, async () => {
          const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
          await new Promise((resolve) => socket.once('connect', resolve));
          socket.write(
            'POST /graphql HTTP/1.1\r\nHost: cloister\r\nContent-Type: application/json\r\n' +
              `Authorization: flooder\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
          );
          return socket;
        }),
      );
      await until('cloister_operations_running', (running) => running >= 1);
      for (const socket of sockets) socket.destroy();
      await isFree();
    });

    it('when a resolver says that it will take long, to those who wait', async () => {
      let begun = 0;
      await start({ ADMISSION_AT_ONCE: '1' }, undefined, async (request) => ({
        ...(await contextsByTenant(request)),
        extendDeadline: (ms: number) => {
          begun += 1;
          request.extendDeadline(ms);
        },
      }));
      const flooding = flood(5, '{ slow }');
      await eventually(
        () => begun,
        (count) => count === 5,
      );
      await isFree();
      release();
      await flooding;
      expect(settledAs(settled)).toEqual({ '200 OK': 5 });
    });

    it('when its client leaves before it is known who it is', async () => {
      let identify = (): void => undefined;
      const identified = new Promise<void>((resolve) => (identify = resolve));
      release = identify;
      server = await startServer({
        createContext: async (request) => {
          await identified;
          return contextOf(request, 'flooder');
        },
        metricsRegistry: new Registry(),
      });
      const gone = new AbortController();
      const arrived = new Promise((resolve) => server.app.server.once('request', resolve));
      const request = fetch(server.graphqlUrl, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"query":"{ held }"}',
        signal: gone.signal,
      }).catch(() => 'gone');
      await arrived;
      gone.abort();
      expect(await request).toBe('gone');
      while (!server.logs.some((line) => line.includes('"status":499'))) await wait(5);
      identify();
      await wait(5);
      await isFree();
    });
  });

  describe('that does not stop when it is refused', () => {
    const refusals = (who: string, count: number): Promise<string>[] =>
      Array.from({ length: count }, async () => {
        const outcome = outcomeOf(await ask(who, '{ hello }'));
        settled.push(outcome);
        return outcome;
      });

    it('is refused slowly from then on, and its neighbours as fast as ever', async () => {
      await start();
      const all = refusals('limited', 60);
      await until('cloister_refusals_held', (held) => held > 0);
      expect(await Promise.race(refusals('limited too', 5))).toBe('429 RATE_LIMITED');
      expect(outcomeOf(await ask('quiet', '{ hello }'))).toBe('200 OK');
      expect(await metric('cloister_refusals_held')).toBeGreaterThan(0);
      expect(settledAs(await Promise.all(all))).toEqual({ '429 RATE_LIMITED': 60 });
      expect(await metric('cloister_refusals_held')).toBe(0);
    });

    it('is named in the log', async () => {
      await start();
      await ask('limited', '{ hello }');
      await eventually(
        () => server.logs.filter((line) => line.includes('"status":429')),
        (lines) => lines.length === 1 && lines[0]?.includes('"tenantId":"limited"') === true,
      );
    });
  });
});
