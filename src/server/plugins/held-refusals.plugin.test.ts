import type { ServerResponse } from 'node:http';
import fastify, {
  type FastifyInstance,
  type InjectOptions,
  type LightMyRequestResponse,
} from 'fastify';
import { RequestTrace } from '../request-trace';
import { registerHeldRefusals, type HeldRefusals } from './held-refusals.plugin';

describe('refusals of a client that does not stop', () => {
  let app: FastifyInstance;
  let refusals: HeldRefusals;
  let isDraining: boolean;
  let now: number;

  /** Answers as the path says: `/status/code/tenant`. */
  beforeEach(() => {
    isDraining = false;
    now = 7000;
    app = fastify();
    app.decorateRequest('trace');
    refusals = registerHeldRefusals(app, {
      isDraining: () => isDraining,
      holdMs: 30_000,
      now: () => now,
    });
    app.get('/:status/:code/:tenant', (request, reply) => {
      const { status, code, tenant } = request.params as Record<string, string>;
      request.trace = new RequestTrace();
      request.trace.errorCodes.push(code ?? '');
      request.trace.tenantId = tenant || undefined;
      return reply.code(Number(status)).send({});
    });
  });
  afterEach(() => app.close());

  /** @returns how many were told without being held; sent one after another while they are. */
  async function tell(count: number, request: string | InjectOptions): Promise<number> {
    let told = 0;
    const heldBefore = refusals.held();
    for (let sent = 0; sent < count; sent += 1) void app.inject(request).then(() => (told += 1));
    while (told + refusals.held() - heldBefore < count)
      await new Promise((resolve) => setTimeout(resolve, 5));
    return told;
  }

  it.each(['/429/RATE_LIMITED/a', '/503/OVERLOADED/a'])(
    'are told at once while they are few, and then held: %s',
    async (path) => {
      expect(await tell(60, path)).toBe(20);
    },
  );

  it('hold up nobody else’s', async () => {
    await tell(60, '/429/RATE_LIMITED/a');
    expect(await tell(1, '/429/RATE_LIMITED/b')).toBe(1);
  });

  it.each(['/503/TENANT_UNAVAILABLE/a', '/200/RATE_LIMITED/a', '/401/UNAUTHENTICATED/a'])(
    'are no other answers: %s',
    async (path) => {
      expect(await tell(60, path)).toBe(60);
    },
  );

  it('are told at once, and the last of the connection, where too many are held', async () => {
    await tell(560, '/429/RATE_LIMITED/a');
    expect(refusals.held()).toBe(500);
    const answer = await app.inject('/429/RATE_LIMITED/a');
    expect([answer.statusCode, answer.headers.connection]).toEqual([429, 'close']);
    expect(refusals.held()).toBe(500);
  });

  it('are told at once, whoever asks, where all together hold too many', async () => {
    for (let tenant = 0; tenant < 10; tenant += 1) await tell(530, `/429/RATE_LIMITED/t${tenant}`);
    expect(refusals.held()).toBe(5000);
    const answers = Array.from({ length: 60 }, () => app.inject('/429/RATE_LIMITED/last'));
    for (const answer of answers) expect((await answer).statusCode).toBe(429);
    expect(refusals.held()).toBe(5000);
  });

  it('are counted for the address where nobody is signed in', async () => {
    app.get('/nobody', (request, reply) => {
      request.trace = new RequestTrace();
      request.trace.errorCodes.push('RATE_LIMITED');
      return reply.code(429).send({});
    });
    await tell(60, '/nobody');
    expect(await tell(1, { url: '/nobody', remoteAddress: '203.0.113.9' })).toBe(1);
    expect(await tell(1, '/nobody')).toBe(0);
  });

  it('are told at once again in the next second', async () => {
    await tell(60, '/429/RATE_LIMITED/a');
    now += 999;
    expect(await tell(1, '/429/RATE_LIMITED/a')).toBe(0);
    now += 1;
    expect(await tell(1, '/429/RATE_LIMITED/a')).toBe(1);
  });

  it('are held for nobody who has left, and then for as many again', async () => {
    const responses: ServerResponse[] = [];
    app.addHook('onRequest', (_request, reply, done) => {
      responses.push(reply.raw);
      done();
    });
    const asked = Array.from({ length: 60 }, () =>
      app.inject('/429/RATE_LIMITED/a').catch(() => undefined),
    );
    while (refusals.held() === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    for (const response of responses) response.emit('close');
    expect(refusals.held()).toBe(0);
    await Promise.all(asked);
    await tell(560, '/429/RATE_LIMITED/a');
    expect(refusals.held()).toBe(500);
  });

  it('are told at once when the server closes, also those that were held', async () => {
    const answers: Promise<LightMyRequestResponse>[] = [];
    for (let sent = 0; sent < 30; sent += 1) answers.push(app.inject('/429/RATE_LIMITED/a'));
    while (refusals.held() === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    isDraining = true;
    await app.close();
    for (const answer of answers) expect((await answer).statusCode).toBe(429);
    expect((await answers.at(-1))?.headers.connection).toBe('close');
    expect(refusals.held()).toBe(0);
  });

  it('are told at once while the server drains', async () => {
    isDraining = true;
    expect(await tell(60, '/429/RATE_LIMITED/a')).toBe(60);
  });
});
