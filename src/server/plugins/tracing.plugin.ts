/** A span for each request, beneath the caller's when it sends one; the answer names it. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { onRequestEnd } from '../request-trace';
import type { RequestSpan, Tracing } from '../tracing/tracing';

export function registerTracing(app: FastifyInstance, tracing: Tracing): void {
  const spans = new WeakMap<FastifyRequest, RequestSpan>();

  app.addHook('onRequest', (request, reply, done) => {
    const span = tracing.beginRequest(request.headers);
    spans.set(request, span);
    request.trace.traceId = span.traceId;
    void reply.header('traceparent', span.traceparent);
    span.enter(done);
  });
  // Once more behind the body: reading it goes on from the socket's events, which are nobody's.
  app.addHook('preHandler', (request, _reply, done) => {
    const span = spans.get(request);
    if (span === undefined) done();
    else span.enter(done);
  });

  onRequestEnd(app, ({ request, status, route }) => {
    const { tenantId, userId, operationName, operationType, cost, errorCodes } = request.trace;
    spans.get(request)?.end(
      `${request.method} ${route}`,
      withoutAbsent({
        'http.request.method': request.method,
        'http.route': route,
        'http.response.status_code': status,
        'cloister.request_id': request.id,
        'cloister.tenant_id': tenantId,
        'cloister.user_id': userId,
        'graphql.operation.name': operationName,
        'graphql.operation.type': operationType,
        'cloister.cost': cost,
        'cloister.error_codes': errorCodes.length === 0 ? undefined : errorCodes.join(','),
      }),
      status >= 500,
    );
  });
}

const withoutAbsent = (facts: Record<string, string | number | undefined>) =>
  Object.fromEntries(
    Object.entries(facts).filter(
      (fact): fact is [string, string | number] => fact[1] !== undefined,
    ),
  );
