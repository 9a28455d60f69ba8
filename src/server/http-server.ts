/** Puts the HTTP side together. What it holds is released by `close`; it opens nothing else. */
import fastify, { LogController } from 'fastify';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import type { GraphQLSchema } from 'graphql';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Config } from '../config';
import { SECOND } from '../lib/duration';
import { registerExplorer } from './explorer/explorer.plugin';
import { createApolloServer } from './graphql/apollo.server';
import { registerGraphqlRoute } from './graphql/graphql.route';
import type { CreateContext } from './graphql/open-context';
import { createLifecycle } from './lifecycle';
import { LOG_SERIALIZERS } from './logger';
import { registerAccessLog } from './plugins/access-log.plugin';
import { registerCompression } from './plugins/compression.plugin';
import { registerCors } from './plugins/cors.plugin';
import { answerClientError, registerErrors, sendError } from './plugins/errors.plugin';
import { registerHealth } from './plugins/health.plugin';
import type { Readiness } from './plugins/health.plugin';
import { registerMetrics } from './plugins/metrics.plugin';
import { registerRequestBody } from './plugins/request-body.plugin';
import { registerRequestId, requestIdOf } from './plugins/request-id.plugin';
import { registerSecurityHeaders } from './plugins/security-headers.plugin';

export const GRAPHQL_PATH = '/graphql';

/**
 * A request may take two statements at the database's own limit and some time around them, so that
 * where one statement is slow its error, which says more, comes first.
 */
const DEADLINE_IN_STATEMENT_TIMEOUTS = 2.5;

/** A client that takes longer to send its request is cut off. */
const RECEIVE_TIMEOUT_MS = 30 * SECOND;

export interface HttpServerDeps {
  readonly config: Config;
  readonly logger: Logger;
  /** With its root fields already guarded (`authoriseSchema`). */
  readonly schema: GraphQLSchema;
  readonly createContext: CreateContext;
  readonly readiness: () => Promise<Readiness>;
  readonly metricsRegistry?: Registry;
  /** Serves `/explorer` when given; `demo` offers the demo's users on its page. */
  readonly explorer?: { readonly demo: boolean };
}

export interface HttpServer {
  readonly app: FastifyInstance;
  /** @returns the address it listens on, such as `http://127.0.0.1:4000`. */
  listen(): Promise<{ url: string }>;
  /**
   * Drains: `/readyz` answers 503 at once, requests in flight finish, and connections that are
   * still open after the grace period are cut. Safe to call twice.
   */
  close(): Promise<void>;
}

export async function createHttpServer(deps: HttpServerDeps): Promise<HttpServer> {
  const { config, logger } = deps;
  const apollo = await createApolloServer(deps);
  const libraryLogger: FastifyBaseLogger = logger.child({}, { serializers: LOG_SERIALIZERS });
  const app = fastify({
    loggerInstance: libraryLogger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestIdOf,
    bodyLimit: config.http.bodyLimitBytes,
    // The nearest proxy is believed; what stands before its own entry is the client's word.
    trustProxy: config.http.trustProxy && ((_address, hop) => hop === 0),
    requestTimeout: RECEIVE_TIMEOUT_MS,
    exposeHeadRoutes: false,
    // While draining, what still arrives on an open connection is served, not refused.
    return503OnClosing: false,
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) => void sendError(error, request, reply, logger),
  });
  const lifecycle = createLifecycle(app, { ...config.http, ...drainTimes(config) });
  const isDraining = (): boolean => lifecycle.state().phase === 'draining';

  registerErrors(app, logger);
  registerAccessLog(app, logger);
  registerRequestId(app);
  app.addHook('onSend', async (_request, reply) => {
    if (isDraining()) void reply.header('connection', 'close');
  });
  await registerSecurityHeaders(app);
  await registerCors(app, config.http.corsOrigins);
  await registerCompression(app);
  registerRequestBody(app, config.http.bodyLimitBytes);
  if (deps.metricsRegistry) registerMetrics(app, deps.metricsRegistry);
  registerHealth(app, { readiness: deps.readiness, isDraining });
  registerGraphqlRoute(app, {
    path: GRAPHQL_PATH,
    apollo,
    createContext: deps.createContext,
    limits: config.limits,
    deadlineMs: config.pools.statementTimeoutMs * DEADLINE_IN_STATEMENT_TIMEOUTS,
    logger,
  });
  if (deps.explorer) await mountExplorer(app, deps.explorer.demo);
  app.addHook('onClose', () => apollo.stop());

  return { app, listen: lifecycle.listen, close: lifecycle.close };
}

/** Without the API's policy: a worker obeys that of its own script, and it would forbid it all. */
async function mountExplorer(app: FastifyInstance, demo: boolean): Promise<void> {
  await app.register(async (scope) => {
    scope.addHook('onRequest', async (_request, reply) => {
      void reply.removeHeader('content-security-policy');
    });
    await registerExplorer(scope, { graphqlPath: GRAPHQL_PATH, demo });
  });
}

const drainTimes = ({ http }: Config): { drainDelayMs: number; graceMs: number } => ({
  drainDelayMs: http.shutdownDrainDelayMs,
  graceMs: http.shutdownGraceMs,
});
