/** One line a request, written when the response is through or its client gone. */
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { onRequestEnd, routeOf } from '../request-trace';

/** Asked every few seconds by machines; their lines would bury the others. */
const QUIET_ROUTES: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics']);

export function registerAccessLog(app: FastifyInstance, logger: Logger): void {
  // Filled per request below; the decorator only reserves the place (Fastify wants the shape early).
  app.decorateRequest('trace');
  app.addHook('onRequest', (request, _reply, done) => {
    request.trace = { errorCodes: [] };
    done();
  });

  // Every value of the line is ours: there is nothing to redact, and looking costs.
  const lines = logger.child({}, { redact: [] });
  onRequestEnd(app, (request, reply, status) => {
    const route = routeOf(request);
    const line = {
      requestId: request.id,
      method: request.method,
      route,
      status,
      durationMs: Math.round(reply.elapsedTime * 10) / 10,
      ...request.trace,
    };
    if (QUIET_ROUTES.has(route) && status < 500) lines.debug(line, 'request');
    else if (status >= 500) lines.warn(line, 'request');
    else lines.info(line, 'request');
  });
}
