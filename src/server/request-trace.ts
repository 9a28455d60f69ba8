/** What the log line and the metrics of one request are written from, filled in as it becomes known. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** A class, so that all of them have one hidden class, whatever becomes known of a request. */
export class RequestTrace {
  /** Public codes of the errors sent, each once. */
  readonly errorCodes: string[] = [];
  /** Present when traces are kept. */
  traceId: string | undefined = undefined;
  tenantId: string | undefined = undefined;
  userId: string | undefined = undefined;
  operatorId: string | undefined = undefined;
  operationType: string | undefined = undefined;
  operationName: string | undefined = undefined;
  cost: number | undefined = undefined;
}

declare module 'fastify' {
  interface FastifyRequest {
    trace: RequestTrace;
  }
}

/** The status nginx made customary for a client that left before it was answered. */
const CLIENT_GONE = 499;

export interface EndedRequest {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly status: number;
  /** Path of the matched route, never the raw URL: a query string can hold variables. */
  readonly route: string;
}

type ReportRequest = (ended: EndedRequest) => void;

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
      // Fastify puts the options together each time it is asked for them.
      const route = request.routeOptions.url ?? '(unknown)';
      const ended = { request, reply, status, route };
      for (const tell of all) tell(ended);
    });
    done();
  });
}
