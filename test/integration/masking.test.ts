import { createLogger } from '../../src/server/logger';
import { outcomeOf, startServer } from '../support/start-server';
import type { StartedServer } from '../support/start-server';

const CANARY = 'canary-7f3a9b';
const DSN = `postgres://owner:${CANARY}@10.1.2.3:5432/tenant?sslmode=disable`;

describe.each(['development', 'production'])('a server in %s mode', (mode) => {
  let server: StartedServer;

  beforeAll(async () => {
    server = await startServer({ environment: { NODE_ENV: mode }, logLevel: 'trace' });
  });
  afterAll(() => server.close());

  it.each(['plain', 'graphql', 'string'])(
    'masks what a resolver throws, with the request id and nothing else (%s)',
    async (how) => {
      const answer = await server.post(
        'query($how: String, $text: String) { fail(how: $how, text: $text) }',
        {
          variables: { how, text: DSN },
          headers: { 'x-request-id': 'request-1' },
        },
      );
      expect(answer.body.errors).toEqual([
        {
          message: expect.stringMatching(/^Something went wrong on our side/) as string,
          extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: 'request-1' },
          locations: expect.any(Array) as unknown[],
          path: ['fail'],
        },
      ]);
      expect(answer.text).not.toContain(CANARY);
    },
  );

  it('tells an error of ours without its cause', async () => {
    const answer = await server.post('query($text: String) { fail(how: "cause", text: $text) }', {
      variables: { text: DSN },
    });
    expect(outcomeOf(answer)).toBe('503 TENANT_UNAVAILABLE');
    expect(answer.body.errors?.[0]?.extensions['reason']).toBe('DATA_SOURCE_UNREACHABLE');
    expect(answer.text).not.toContain(CANARY);
  });

  it('masks what goes wrong outside GraphQL', async () => {
    const failing = await startServer({
      environment: { NODE_ENV: mode },
      readiness: () => Promise.reject(new Error(DSN)),
      createContext: () => Promise.reject(new Error(DSN)),
    });
    try {
      const ready = await fetch(`${failing.url}/readyz`);
      expect(ready.status).toBe(500);
      expect(await ready.text()).not.toContain(CANARY);
      const answer = await failing.post('{ hello }', { headers: { 'x-request-id': 'request-2' } });
      expect(outcomeOf(answer)).toBe('500 INTERNAL_SERVER_ERROR');
      expect(answer.body.errors?.[0]?.extensions['requestId']).toBe('request-2');
      expect(answer.text).not.toContain(CANARY);
      expect(failing.logs.join('')).not.toContain(CANARY);
    } finally {
      await failing.close();
    }
  });

  it('writes no secret to its logs, wherever one comes in', async () => {
    const variables = { text: `variable ${DSN}` };
    const headers = {
      authorization: 'admin',
      cookie: `session=${CANARY}`,
      'x-api-key': CANARY,
      'user-agent': CANARY,
      referer: `https://x.test/?token=${CANARY}`,
    };
    const query = 'query Fails($how: String, $text: String) { fail(how: $how, text: $text) }';
    for (const how of ['plain', 'graphql', 'cause', 'string']) {
      await server.post(query, { variables: { ...variables, how }, headers });
    }
    await server.post('{ hello }', { headers: { ...headers, authorization: `Bearer ${CANARY}` } });
    await server.post(`{ fail(text: "${CANARY}") }`, { headers });
    await server.post(`{ ${CANARY.replace('-', '')} ${CANARY}`, { headers });
    await fetch(`${server.url}/nowhere/${CANARY}?password=${CANARY}`, { headers });
    await fetch(`${server.graphqlUrl}?query={hello}&variables={"a":"${CANARY}"}`, { headers });
    const json = { 'content-type': 'application/json' };
    await fetch(server.graphqlUrl, { method: 'POST', headers: json, body: `{"a":"${CANARY}` });

    const logged = server.logs.join('');
    expect(logged).toContain('"operationName":"Fails"');
    expect(logged).not.toContain(CANARY);
    expect(logged).not.toContain(CANARY.replace('-', ''));
  });

  it('writes one line a request, which says who asked for what and how it went', async () => {
    const before = server.logs.length;
    await server.post('query Greet { hello settings }', {
      as: 'member',
      headers: { 'x-request-id': 'request-3' },
    });
    await new Promise((resolve) => setImmediate(resolve));
    const lines = server.logs.slice(before).map((line) => JSON.parse(line) as unknown);
    expect(lines).toEqual([
      {
        level: 'info',
        time: expect.any(String) as string,
        msg: 'request',
        requestId: 'request-3',
        method: 'POST',
        route: '/graphql',
        status: 200,
        durationMs: expect.any(Number) as number,
        tenantId: 'tenant-1',
        userId: 'user-1',
        operationName: 'Greet',
        operationType: 'query',
        cost: 0,
        errorCodes: ['FORBIDDEN'],
      },
    ]);
  });
});

it('logs of a failure on our side where it came from, and what caused it', async () => {
  const server = await startServer();
  await server.post('{ fail(how: "plain") }');
  await server.post('{ fail(how: "cause") }');
  await server.close();
  const lines = server.logs.filter((entry) => entry.includes('"request failed"'));
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    expect.objectContaining({
      level: 'error',
      code: 'INTERNAL_SERVER_ERROR',
      path: ['fail'],
      err: {
        type: 'Error',
        frames: expect.arrayContaining([expect.stringContaining('fake-schema')]) as unknown,
      },
    }),
    expect.objectContaining({
      level: 'warn',
      code: 'TENANT_UNAVAILABLE',
      err: expect.objectContaining({
        message: expect.stringContaining('data source cannot be reached') as unknown,
        cause: expect.objectContaining({ type: 'Error' }) as unknown,
      }) as unknown,
    }),
  ]);
});

it('logs nothing more than its line of what a client did wrong', async () => {
  const server = await startServer();
  await server.post('{ fail(how: "input") unknown }');
  await server.post('{ account { id } }');
  await server.close();
  expect(server.logs.filter((entry) => entry.includes('"request failed"'))).toEqual([]);
});

it('redacts the fields that nobody should log, should somebody do it', () => {
  const lines: string[] = [];
  const logger = createLogger('info', { write: (line) => void lines.push(line) });
  logger.info({ headers: { authorization: CANARY }, user: { password: CANARY } }, 'x');
  logger.info({ token: CANARY, deep: { request: { variables: { a: CANARY } } } }, 'x');
  expect(lines.join('')).not.toContain(CANARY);
});
