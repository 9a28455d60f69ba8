/**
 * `/metrics` in Prometheus' text form. Labels are bounded: routes not paths, known codes, so many
 * tenants and no more, and never a user or an operation name.
 */
import type { FastifyInstance } from 'fastify';
import { Counter, type CounterConfiguration, type Registry } from 'prom-client';
import { boundedLabels } from '../../lib/bounded-labels';
import { LabelledHistogram } from '../../lib/labelled-histogram';
import { Tallies } from '../../lib/tallies';
import { onRequestEnd } from '../request-trace';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export interface MetricsOptions {
  readonly registry: Registry;
  /** Tenants with a label of their own. */
  readonly maxTenants: number;
}

export function registerMetrics(app: FastifyInstance, options: MetricsOptions): void {
  const { registry, maxTenants } = options;
  const tenantLabelOf = boundedLabels(maxTenants);
  const registers = [registry];
  const requests = tallied({
    name: 'cloister_http_requests_total',
    help: 'HTTP requests answered.',
    labelNames: ['method', 'route', 'status'],
    registers,
  });
  const durations = new LabelledHistogram({
    name: 'cloister_http_request_duration_seconds',
    help: 'Time from the first byte of a request to the last of its response.',
    label: 'route',
    buckets: SECONDS,
    registers,
  });
  const errors = new Counter({
    name: 'cloister_graphql_errors_total',
    help: 'Errors sent to clients, by public code.',
    labelNames: ['code'],
    registers,
  });

  const tenantRequests = tallied({
    name: 'cloister_tenant_requests_total',
    help: 'Requests of signed-in users, by tenant.',
    labelNames: ['tenant'],
    registers,
  });
  const tenantSeconds = tallied({
    name: 'cloister_tenant_request_seconds_total',
    help: 'Time that requests of signed-in users took together, by tenant.',
    labelNames: ['tenant'],
    registers,
  });
  const tenantErrors = new Counter({
    name: 'cloister_tenant_errors_total',
    help: 'Errors sent to signed-in users, by tenant and public code.',
    labelNames: ['tenant', 'code'],
    registers,
  });

  onRequestEnd(app, ({ request, reply, status, route }) => {
    const seconds = reply.elapsedTime / 1000;
    requests.add(1, request.method, route, String(status));
    durations.observe(route, seconds);
    const { errorCodes, tenantId } = request.trace;
    for (const code of errorCodes) errors.inc({ code });
    if (tenantId === undefined) return;
    const tenant = tenantLabelOf(tenantId);
    tenantRequests.add(1, tenant);
    tenantSeconds.add(seconds, tenant);
    for (const code of errorCodes) tenantErrors.inc({ tenant, code });
  });

  app.get('/metrics', async (_request, reply) => {
    const text = await registry.metrics();
    return reply.type(registry.contentType).send(text);
  });
}

/** What every request counts. */
function tallied(
  options: CounterConfiguration<string> & { readonly labelNames: string[] },
): Tallies {
  const tallies = new Tallies();
  new Counter({
    ...options,
    collect() {
      this.reset();
      for (const { labels, sum } of tallies.all()) this.labels(...labels).inc(sum);
    },
  });
  return tallies;
}
