import { connect } from 'node:net';
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import { outcomeOf, send, startServer } from '../support/start-server';
import type { Answer, StartedServer } from '../support/start-server';

let server: StartedServer;

beforeAll(async () => {
  server = await startServer();
});

afterAll(() => server.close());

const HELLO = JSON.stringify({ query: '{ hello }' });
const JSON_TYPE = { 'content-type': 'application/json' };

const request = (init: RequestInit, path = '/graphql'): Promise<Answer> =>
  send(`${server.url}${path}`, init);

const postBody = (
  body: string | Buffer,
  headers: Record<string, string> = JSON_TYPE,
): Promise<Answer> => request({ method: 'POST', headers, body });

const quickBrotli = (bytes: Buffer): Buffer =>
  brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } });

/** Writes bytes to the socket as they are and reads until the server closes it. */
async function raw(bytes: string): Promise<string> {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  // The server may cut a hostile sender off; what it said before is what counts.
  socket.on('error', () => undefined);
  socket.write(bytes);
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(chunks).toString();
}

describe('a request body', () => {
  it.each([
    ['text/plain', { 'content-type': 'text/plain' }, HELLO],
    ['urlencoded', { 'content-type': 'application/x-www-form-urlencoded' }, 'query={hello}'],
    ['multipart', { 'content-type': 'multipart/form-data; boundary=x' }, '--x--'],
    ['of an unparsable type', { 'content-type': ';;;' }, HELLO],
    ['truncated', JSON_TYPE, HELLO.slice(0, -3)],
    ['empty', JSON_TYPE, ''],
    ['null', JSON_TYPE, 'null'],
    [
      'a batch',
      JSON_TYPE,
      JSON.stringify(Array.from({ length: 10 }, () => ({ query: '{hello}' }))),
    ],
    ['an empty batch', JSON_TYPE, '[]'],
    ['without a query', JSON_TYPE, '{"notquery":"{hello}"}'],
  ])('that is %s is a bad request, told as JSON', async (_name, headers, body) => {
    const answer = await postBody(body, headers);
    expect(outcomeOf(answer)).toBe('400 BAD_REQUEST');
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
  });

  it('that is multipart is a bad request even behind a preflight header', async () => {
    const headers = {
      'content-type': 'multipart/form-data; boundary=x',
      'apollo-require-preflight': 'true',
    };
    expect(outcomeOf(await postBody('--x--', headers))).toBe('400 BAD_REQUEST');
  });

  it('in another charset than UTF-8 is unsupported', async () => {
    const headers = { 'content-type': 'application/json; charset=utf-16' };
    expect(outcomeOf(await postBody(HELLO, headers))).toBe('415 BAD_REQUEST');
  });

  it.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['deflate', deflateSync],
  ] as const)('compressed as %s is read, and refused when corrupt', async (encoding, compress) => {
    const headers = { ...JSON_TYPE, 'content-encoding': encoding };
    const whole = compress(HELLO);
    expect(outcomeOf(await postBody(whole, headers))).toBe('200 OK');
    expect(outcomeOf(await postBody(whole.subarray(0, -8), headers))).toBe('400 BAD_REQUEST');
    expect(outcomeOf(await postBody(HELLO, headers))).toBe('400 BAD_REQUEST');
  });

  it('in an unknown encoding is unsupported', async () => {
    const headers = { ...JSON_TYPE, 'content-encoding': 'snappy' };
    expect(outcomeOf(await postBody(HELLO, headers))).toBe('415 BAD_REQUEST');
  });

  it.each([
    ['gzip', gzipSync],
    ['br', quickBrotli],
  ] as const)('that is a %s bomb is too large', async (encoding, compress) => {
    const bomb = compress(Buffer.alloc(20_000_000, 0x20));
    const answer = await postBody(bomb, { ...JSON_TYPE, 'content-encoding': encoding });
    expect(outcomeOf(answer)).toBe('413 BAD_REQUEST');
  });

  it.each([102_401, 300_000, 20_000_000])('of %i bytes is too large', async (bytes) => {
    expect(outcomeOf(await postBody('x'.repeat(bytes)))).toBe('413 BAD_REQUEST');
  });

  it('that is too large is refused also when its length is not announced', async () => {
    const chunk = new TextEncoder().encode(' '.repeat(30_000));
    let sent = 0;
    const stream = new ReadableStream({
      pull: (controller) => (sent++ < 5 ? controller.enqueue(chunk) : controller.close()),
    });
    const init = { method: 'POST', headers: JSON_TYPE, body: stream, duplex: 'half' };
    expect(outcomeOf(await request(init as RequestInit))).toBe('413 BAD_REQUEST');
  });
});

describe('a method', () => {
  it.each(['PUT', 'DELETE', 'PATCH'])('%s is not allowed', async (method) => {
    const answer = await request({ method, headers: JSON_TYPE, body: HELLO });
    expect(outcomeOf(answer)).toBe('405 BAD_REQUEST');
    expect(answer.headers.get('allow')).toBe('GET, POST');
  });

  it('GET without a preflight header is a bad request', async () => {
    expect(outcomeOf(await request({}, '/graphql?query={hello}'))).toBe('400 BAD_REQUEST');
  });

  it.each(['apollo-require-preflight', 'x-apollo-operation-name'])(
    'GET with %s runs a query',
    async (name) => {
      const answer = await request({ headers: { [name]: 'x' } }, '/graphql?query={hello}');
      expect(answer.body.data).toEqual({ hello: 'world' });
    },
  );

  it('GET with content-type text/plain is unsupported', async () => {
    const headers = { 'apollo-require-preflight': 'true', 'content-type': 'text/plain' };
    const answer = await request({ headers }, '/graphql?query={hello}');
    expect(outcomeOf(answer)).toBe('415 BAD_REQUEST');
  });

  it('GET runs no mutation', async () => {
    const headers = { 'apollo-require-preflight': 'true', authorization: 'admin' };
    for (const accept of ['application/json', '*/*']) {
      const answer = await request(
        { headers: { ...headers, accept } },
        '/graphql?query=mutation{rename}',
      );
      expect(outcomeOf(answer)).toBe('405 BAD_REQUEST');
    }
  });
});

describe('an operation', () => {
  it('that the document does not hold cannot be resolved', async () => {
    const answer = await server.post('query A { hello }', { operationName: 'B' });
    expect(outcomeOf(answer)).toBe('400 OPERATION_RESOLUTION_FAILURE');
  });

  it('that is a persisted query is not supported', async () => {
    const extensions = { persistedQuery: { version: 1, sha256Hash: 'abc' } };
    const answer = await postBody(JSON.stringify({ query: '{hello}', extensions }));
    expect(answer.body.errors?.[0]?.extensions.code).toBe('PERSISTED_QUERY_NOT_SUPPORTED');
  });

  it('is not run when the client takes HTML only', async () => {
    const headers = { ...JSON_TYPE, accept: 'text/html', authorization: 'admin' };
    const before = server.contexts.length;
    const answer = await postBody(JSON.stringify({ query: 'mutation { rename }' }), headers);
    expect(outcomeOf(answer)).toBe('406 BAD_REQUEST');
    expect(server.contexts.length).toBe(before);
  });

  it.each([
    ['application/json', 200],
    ['application/json, text/plain, */*', 200],
    ['application/graphql-response+json', 400],
    ['application/graphql-response+json, application/json;q=0.9', 400],
    ['*/*', 400],
  ])('that is invalid answers Accept: %s with %i', async (accept, status) => {
    const aliases = Array.from({ length: 16 }, (_, index) => `a${index}: hello`).join(' ');
    for (const query of ['{', '{ unknown }', `{ ${aliases} }`, `{ ${'hello '.repeat(1001)} }`]) {
      const answer = await server.post(query, { headers: { accept } });
      expect(answer.status).toBe(status);
      const type = status === 400 && accept !== '*/*' ? 'graphql-response+json' : 'json';
      expect(answer.headers.get('content-type')).toBe(`application/${type}; charset=utf-8`);
    }
  });

  it('keeps the status of the tenant and of the transport for every Accept', async () => {
    for (const accept of ['application/json', 'application/graphql-response+json']) {
      const post = (query: string) => server.post(query, { headers: { accept } });
      expect(outcomeOf(await post('{ account { id } }'))).toBe('401 UNAUTHENTICATED');
      const rate = await post('{ fail(how: "rate") }');
      expect([outcomeOf(rate), rate.headers.get('retry-after')]).toEqual(['429 RATE_LIMITED', '7']);
      const tenant = await post('{ fail(how: "cause") }');
      expect(outcomeOf(tenant)).toBe('503 TENANT_UNAVAILABLE');
      expect(tenant.headers.get('retry-after')).toBe('5');
      expect(outcomeOf(await post('{ fail(how: "input") }'))).toBe('200 BAD_USER_INPUT');
    }
  });

  it('that was answered in part is answered with 200', async () => {
    const answer = await server.post('{ hello account { id } }');
    expect(answer.status).toBe(200);
    expect(answer.body.data).toEqual({ hello: 'world', account: null });
  });

  it('with a token that is not valid is told so before anything runs', async () => {
    const answer = await server.post('{ hello }', { headers: { authorization: 'forged' } });
    expect(outcomeOf(answer)).toBe('401 UNAUTHENTICATED');
    expect(answer.body.data).toBeUndefined();
  });

  it('is refused to a role that is too low', async () => {
    expect(outcomeOf(await server.post('{ settings }', { as: 'member' }))).toBe('200 FORBIDDEN');
    expect(outcomeOf(await server.post('{ settings }', { as: 'admin' }))).toBe('200 OK');
  });

  it('says what it cost', async () => {
    const answer = await server.post('{ accounts(first: 5) { nodes { id } } }', { as: 'reader' });
    expect(answer.body.extensions?.['cost']).toEqual({ requested: 5, limit: 50_000 });
  });
});

describe('a connection', () => {
  it('with 64 KB of headers is refused as JSON', async () => {
    const answer = await raw(
      `GET /healthz HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(65_536)}\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
    expect(answer).toContain('{"errors":[{"message":');
  });

  it('that speaks no HTTP is refused as JSON', async () => {
    const answer = await raw('HELO example.test\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('"code":"BAD_REQUEST"');
  });

  it('with a Host header that is no URL is served', async () => {
    const answer = await raw(
      'POST /graphql HTTP/1.1\r\nHost: a b[\r\nContent-Type: application/json\r\n' +
        `Content-Length: ${HELLO.length}\r\nConnection: close\r\n\r\n${HELLO}`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  });
});
