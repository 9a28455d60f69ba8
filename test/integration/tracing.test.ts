/** Traces as an OTLP receiver gets them, and metrics by tenant beside them. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cliEnvironment } from '../support/cli';
import { eventually } from '../support/data-sources';
import { startServerProcess, type ServerProcess } from '../support/processes';
import { createWorld, PASSWORD, type World } from '../support/world';

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly attributes: readonly { key: string; value: Record<string, unknown> }[];
  readonly status?: { code?: number };
}

const CALLER = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const NESTED = '{ accounts(first: 3) { nodes { name contacts(first: 2) { nodes { id } } } } }';

describe('with a receiver of traces configured', () => {
  let receiver: Server;
  let world: World;
  let server: ServerProcess;
  const spans: Span[] = [];
  const bodies: string[] = [];
  const authorizations = new Set<string | undefined>();

  beforeAll(async () => {
    receiver = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        authorizations.add(request.headers.authorization);
        bodies.push(body);
        const sent = JSON.parse(body) as {
          resourceSpans: { scopeSpans: { spans: Span[] }[] }[];
        };
        for (const { scopeSpans } of sent.resourceSpans) {
          for (const scope of scopeSpans) spans.push(...scope.spans);
        }
        response.setHeader('content-type', 'application/json').end('{}');
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
    const { port } = receiver.address() as AddressInfo;
    world = await createWorld({ environment: { METRICS_TENANTS: '1' } });
    // In a process of its own: the exporter imports in a way that jest cannot follow.
    server = await startServerProcess({
      ...cliEnvironment(world.registry),
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20canary',
      JOBS_CONCURRENCY: '0',
    });
  });
  afterAll(async () => {
    await server.stop();
    await world.close();
    await new Promise((resolve) => receiver.close(resolve));
  });

  const ask = async (query: string, headers: Record<string, string> = {}, url = server.url) => {
    const { data } = await world.query<{ login: { accessToken: string } }>(
      undefined,
      'mutation ($input: LoginInput!) { login(input: $input) { accessToken } }',
      { input: { email: 'admin@alpha.test', password: PASSWORD } },
    );
    return fetch(`${url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${data.login.accessToken}`,
        ...headers,
      },
      body: JSON.stringify({ query }),
    });
  };
  const spansOf = (traceId: string, count: number) =>
    eventually(
      () => spans.filter((span) => span.traceId === traceId),
      (all) => all.length >= count && all.some(({ name }) => name.startsWith('POST')),
      10_000,
    );
  const factsOf = ({ attributes }: Span) =>
    Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

  it('goes on with the caller’s trace and names it in its answer', async () => {
    const response = await ask(NESTED, { traceparent: CALLER });
    expect(response.headers.get('traceparent')).toMatch(
      new RegExp(`^00-${TRACE_ID}-[0-9a-f]{16}-01$`),
    );
    const all = await spansOf(TRACE_ID, 4);
    const root = all.find(({ name }) => name === 'POST /graphql');
    expect(root?.parentSpanId).toBe('00f067aa0ba902b7');
    expect(factsOf(root as Span)).toMatchObject({
      'http.route': '/graphql',
      'http.response.status_code': 200,
      'cloister.tenant_id': world.tenants.alpha.id,
      'graphql.operation.type': 'query',
    });
    const field = all.find(({ name }) => name === 'Query.accounts');
    expect(field?.parentSpanId).toBe(root?.spanId);
    const names = all.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['lease', 'statement']));
    const known = new Set(all.map(({ spanId }) => spanId));
    // Every span has its place beneath the request.
    expect(all.filter(({ parentSpanId = '' }) => !known.has(parentSpanId))).toEqual([root]);
  });

  it('begins a trace of its own without a caller', async () => {
    const response = await ask(NESTED);
    const traceId = response.headers.get('traceparent')?.split('-')[1] ?? '';
    expect(traceId).toMatch(/^[0-9a-f]{32}$/);
    const all = await spansOf(traceId, 4);
    expect(all.find(({ name }) => name.startsWith('POST'))?.parentSpanId ?? '').toBe('');
  });

  it('sends names and ids, and no value, text of SQL or secret', async () => {
    const query =
      '{ accounts(first: 1, filter: { name: { contains: "canary-value" } }) { nodes { id } } }';
    const response = await ask(query);
    await spansOf(response.headers.get('traceparent')?.split('-')[1] ?? '', 3);
    expect(bodies.join()).not.toMatch(/canary|select |correct-horse|test-only|Bearer/i);
    expect([...authorizations]).toEqual(['Bearer canary']);
  });

  it('counts requests and errors by tenant, with a bound on tenants', async () => {
    await ask('{ accounts(first: -1) { nodes { id } } }', {}, world.url);
    await world.query({ tenant: 'gamma' }, '{ accounts(first: -1) { nodes { id } } }');
    const text = await eventually(
      async () => (await fetch(`${world.url}/metrics`)).text(),
      (seen) => seen.includes('cloister_tenant_errors_total{tenant="other"'),
    );
    const { alpha, gamma } = world.tenants;
    expect(text).toMatch(new RegExp(`cloister_tenant_requests_total{tenant="${alpha.id}"} [1-9]`));
    expect(text).toMatch(
      new RegExp(`cloister_tenant_errors_total{tenant="${alpha.id}",code="BAD_USER_INPUT"} 1`),
    );
    expect(text).not.toContain(gamma.id);
    expect(text).toMatch(/cloister_lease_wait_seconds_count\{data_source="shared"\} [1-9]/);
  });
});

describe('without a receiver of traces', () => {
  it('answers no traceparent', async () => {
    const world = await createWorld();
    try {
      const response = await fetch(`${world.url}/healthz`, { headers: { traceparent: CALLER } });
      expect(response.headers.get('traceparent')).toBeNull();
    } finally {
      await world.close();
    }
  });
});
