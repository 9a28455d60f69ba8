import { Agent, request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { createFakeSchema } from '../support/fake-schema';
import { outcomeOf, startServer } from '../support/start-server';

interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** Over an agent of ours, so that a connection's life is seen and not fetch's. */
const get = (url: string, agent: Agent): Promise<RawAnswer> =>
  new Promise((resolve, reject) => {
    const outgoing = request(url, { agent }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
      );
    });
    outgoing.on('error', reject);
    outgoing.end();
  });

it('answers /readyz with 503 first, then finishes two hundred requests in flight', async () => {
  let release: (value?: unknown) => void = () => undefined;
  const schema = createFakeSchema(new Promise((resolve) => (release = resolve)));
  const server = await startServer({ schema, environment: { SHUTDOWN_DRAIN_DELAY_MS: '200' } });
  const agent = new Agent({ keepAlive: true });
  try {
    expect((await get(`${server.url}/readyz`, agent)).status).toBe(200);
    const inFlight = Array.from({ length: 200 }, () => server.post('{ held }'));
    while (server.contexts.length < 200) await wait(5);

    const closed = server.close();
    const ready = await get(`${server.url}/readyz`, agent);
    expect(ready.status).toBe(503);
    expect(JSON.parse(ready.text)).toEqual({ ready: false, checks: { server: 'draining' } });
    expect(ready.headers.connection).toBe('close');
    expect((await get(`${server.url}/healthz`, agent)).status).toBe(200);
    // Whoever has not noticed yet is still served.
    expect(outcomeOf(await server.post('{ hello }'))).toBe('200 OK');

    // Not before the socket stopped accepting, so that it is the drain that waits for them.
    while (server.app.server.listening) await wait(5);
    release();
    const answers = await Promise.all(inFlight);
    expect(new Set(answers.map(outcomeOf))).toEqual(new Set(['200 OK']));
    expect(new Set(answers.map(({ headers }) => headers.get('connection')))).toEqual(
      new Set(['close']),
    );
    await closed;
    expect(server.contexts.every(({ ends }) => ends === 1)).toBe(true);
    await expect(get(`${server.url}/healthz`, agent)).rejects.toThrow(/ECONNREFUSED/);
  } finally {
    agent.destroy();
    await server.close();
  }
});

it('answers a request whose body is still on its way when the socket stops accepting', async () => {
  const server = await startServer();
  const body = JSON.stringify({ query: '{ hello }' });
  const outgoing = request(server.graphqlUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-length': body.length },
  });
  const answered = new Promise<number | undefined>((resolve, reject) => {
    outgoing.on('response', (response) => resolve(response.resume().statusCode));
    outgoing.on('error', reject);
  });
  const arrived = new Promise((resolve) => server.app.server.once('request', resolve));
  outgoing.write(body.slice(0, 5));
  await arrived;
  const closed = server.close();
  while (server.app.server.listening) await wait(5);
  await wait(50);
  outgoing.end(body.slice(5));
  expect(await answered).toBe(200);
  await closed;
});

/** Waiting for it would outlast the test. */
const LONG_GRACE = { environment: { SHUTDOWN_GRACE_MS: '600000' } };

it('does not wait for connections that only stay open', async () => {
  const server = await startServer(LONG_GRACE);
  const agent = new Agent({ keepAlive: true });
  await get(`${server.url}/healthz`, agent);
  await server.close();
  agent.destroy();
});

it('cuts off what is still running after the grace period, and cancels it', async () => {
  const server = await startServer({ environment: { SHUTDOWN_GRACE_MS: '100' } });
  const hanging = server.post('{ hang account { id } }', { as: 'reader' }).then(
    () => 'answered',
    () => 'cut off',
  );
  while (server.contexts.length < 1) await wait(5);
  await server.close();
  expect(await hanging).toBe('cut off');
  while (server.contexts[0]?.ends === 0) await wait(5);
  expect(server.contexts[0]?.cancels).toHaveLength(1);
  expect(server.contexts[0]?.ends).toBe(1);
});

it('does not wait for connections on which nothing was ever asked', async () => {
  const server = await startServer(LONG_GRACE);
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  await new Promise((resolve) => socket.once('connect', resolve));
  await get(`${server.url}/healthz`, new Agent());
  const cut = new Promise((resolve) => socket.once('close', resolve));
  await server.close();
  await cut;
});

it('closes once however often it is asked to, also when it never listened', async () => {
  const server = await startServer();
  const [first, second] = [server.close(), server.close()];
  await Promise.all([first, second]);
  await server.close();
});
