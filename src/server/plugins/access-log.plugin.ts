/** One line a request, written when the response is through or its client gone. */
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { onRequestEnd, RequestTrace } from '../request-trace';

/** Asked every few seconds by machines; their lines would bury the others. */
const QUIET_ROUTES: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics']);

export function registerAccessLog(app: FastifyInstance, logger: Logger): void {
  // Filled per request below; the decorator only reserves the place (Fastify wants the shape early).
  app.decorateRequest('trace');
  app.addHook('onRequest', (request, _reply, done) => {
    request.trace = new RequestTrace();
    done();
  });

  // Every value of the line is ours: there is nothing to redact, and looking costs.
  const lines = logger.child({}, { redact: [] });
  onRequestEnd(app, ({ request, reply, status, route }) => {
    const { trace } = request;
    // Written out, for a spread would cost as much as the rest. What is undefined stays out of the line.
    const line = {
      requestId: request.id,
      method: request.method,
      route,
      status,
      durationMs: Math.round(reply.elapsedTime * 10) / 10,
      errorCodes: trace.errorCodes,
      traceId: trace.traceId,
      tenantId: trace.tenantId,
      userId: trace.userId,
      operatorId: trace.operatorId,
      operationType: trace.operationType,
      operationName: trace.operationName,
      cost: trace.cost,
    };
    if (QUIET_ROUTES.has(route) && status < 500) lines.debug(line, 'request');
    else if (status >= 500) lines.warn(line, 'request');
    else lines.info(line, 'request');
  });
}
