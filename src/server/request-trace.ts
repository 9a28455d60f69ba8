/** What the log line and the metrics of one request are written from, filled in as it becomes known. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

export interface RequestTrace {
  tenantId?: string;
  userId?: string;
  operatorId?: string;
  /** Present when traces are kept. */
  traceId?: string;
  operationName?: string;
  operationType?: string;
  cost?: number;
  /** Public codes of the errors sent, each once. */
  readonly errorCodes: string[];
}

declare module 'fastify' {
  interface FastifyRequest {
    trace: RequestTrace;
  }
}

/** Path of the matched route, never the raw URL: a query string can hold variables. */
export const routeOf = (request: FastifyRequest): string => request.routeOptions.url ?? '(unknown)';

/** The status nginx made customary for a client that left before it was answered. */
const CLIENT_GONE = 499;

type ReportRequest = (request: FastifyRequest, reply: FastifyReply, status: number) => void;

const reports = new WeakMap<FastifyInstance, ReportRequest[]>();

/**
 * Calls back once for every request, answered or given up by its client (of which Fastify's
 * onResponse hook does not tell).
 */
export function onRequestEnd(app: FastifyInstance, report: ReportRequest): void {
  const known = reports.get(app);
  if (known !== undefined) {
    known.push(report);
    return;
  }
  const all = [report];
  reports.set(app, all);
  // One listener for all of them: each request makes it anew.
  app.addHook('onRequest', (request, reply, done) => {
    reply.raw.once('close', () => {
      const status = reply.raw.writableFinished ? reply.statusCode : CLIENT_GONE;
      for (const tell of all) tell(request, reply, status);
    });
    done();
  });
}
