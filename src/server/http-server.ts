/** Puts the HTTP side together. What it holds is released by `close`; it opens nothing else. */
import fastify, { LogController } from 'fastify';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import type { GraphQLSchema } from 'graphql';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Config } from '../config';
import { SECOND } from '../lib/duration';
import { requestDeadlineMs } from '../lib/request-deadline';
import { watchAdmission } from './admission/admission-metrics';
import { createFairAdmission, type FairAdmission } from './admission/fair-admission';
import { createLoopRoom } from './admission/loop-room';
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
import { registerHeldRefusals } from './plugins/held-refusals.plugin';
import { registerMetrics } from './plugins/metrics.plugin';
import { registerRequestBody } from './plugins/request-body.plugin';
import { registerRequestId, requestIdOf } from './plugins/request-id.plugin';
import { registerSecurityHeaders } from './plugins/security-headers.plugin';
import { registerTracing } from './plugins/tracing.plugin';
import type { Tracing } from './tracing/tracing';
import { registerSmsWebhooks, type ReceiveMessage } from './webhooks/sms.route';

export const GRAPHQL_PATH = '/graphql';
export const PLATFORM_PATH = '/platform/graphql';

/** A client that takes longer to send its request is cut off. */
const RECEIVE_TIMEOUT_MS = 30 * SECOND;

/** A GraphQL API as it is served. */
export interface ServedApi {
  /** With its root fields already guarded (`authoriseSchema`). */
  readonly schema: GraphQLSchema;
  readonly createContext: CreateContext;
  /** Those of the configuration unless given. */
  readonly limits?: Config['limits'];
  readonly deadlineMs?: number;
}

export interface HttpServerDeps extends ServedApi {
  readonly config: Config;
  readonly logger: Logger;
  /** Served at PLATFORM_PATH when given. */
  readonly platform?: ServedApi;
  readonly readiness: () => Promise<Readiness>;
  readonly metricsRegistry?: Registry;
  readonly tracing?: Tracing | undefined;
  /** Takes messages that come in for telephone numbers. */
  readonly receiveMessage?: ReceiveMessage;
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

/** Serves the tenants' API, and the operators' beside it when given. */
export const createHttpServer = (deps: HttpServerDeps): Promise<HttpServer> =>
  createServer(
    { [GRAPHQL_PATH]: deps, ...(deps.platform && { [PLATFORM_PATH]: deps.platform }) },
    deps.config.http,
    deps,
  );

/** Serves the operators' API alone, at an address of its own. */
export const createPlatformServer = (
  platform: ServedApi,
  address: ListenAddress,
  deps: Pick<HttpServerDeps, 'config' | 'logger' | 'readiness' | 'tracing'>,
): Promise<HttpServer> => createServer({ [PLATFORM_PATH]: platform }, address, deps);

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

type CommonDeps = Pick<
  HttpServerDeps,
  'config' | 'logger' | 'readiness' | 'metricsRegistry' | 'tracing' | 'receiveMessage' | 'explorer'
>;

async function createServer(
  apis: Readonly<Record<string, ServedApi>>,
  address: ListenAddress,
  deps: CommonDeps,
): Promise<HttpServer> {
  const { config, logger } = deps;
  const libraryLogger: FastifyBaseLogger = logger.child({}, { serializers: LOG_SERIALIZERS });
  const app = fastify({
    loggerInstance: libraryLogger,
    logController: new LogController({ disableRequestLogging: true }),
    // Fastify says little for itself, and one made for each request would cost more than it says.
    childLoggerFactory: (parent) => parent,
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
  const lifecycle = createLifecycle(app, { ...address, ...drainTimes(config) });
  const isDraining = (): boolean => lifecycle.state().phase === 'draining';

  registerErrors(app, logger);
  registerAccessLog(app, logger);
  registerRequestId(app);
  if (deps.tracing) registerTracing(app, deps.tracing);
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (isDraining()) void reply.header('connection', 'close');
    done(null, payload);
  });
  registerSecurityHeaders(app);
  await registerCors(app, config.http.corsOrigins);
  await registerCompression(app);
  registerRequestBody(app, config.http.bodyLimitBytes);
  // One for all: it is the event loop that is shared.
  const { atOnceWhenBusy: least, ...bounds } = config.admission;
  const admission = createFairAdmission({ room: createLoopRoom({ least }), ...bounds });
  const refusals = registerHeldRefusals(app, { isDraining });
  if (deps.metricsRegistry) {
    const maxTenants = config.metricsTenants;
    registerMetrics(app, { registry: deps.metricsRegistry, maxTenants });
    watchAdmission(deps.metricsRegistry, admission, refusals);
  }
  registerHealth(app, { readiness: deps.readiness, isDraining });
  for (const [path, api] of Object.entries(apis)) {
    await serveApi(app, path, api, { ...deps, admission });
  }
  if (deps.receiveMessage) registerSmsWebhooks(app, { receive: deps.receiveMessage });
  if (deps.explorer) await mountExplorer(app, deps.explorer.demo);

  return { app, listen: lifecycle.listen, close: lifecycle.close };
}

async function serveApi(
  app: FastifyInstance,
  path: string,
  api: ServedApi,
  { config, logger, admission }: CommonDeps & { readonly admission: FairAdmission },
): Promise<void> {
  const {
    schema,
    createContext,
    limits = config.limits,
    deadlineMs = requestDeadlineMs(config.pools.statementTimeoutMs),
  } = api;
  const apollo = await createApolloServer({ schema, limits, config, logger });
  app.addHook('onClose', () => apollo.stop());
  registerGraphqlRoute(app, {
    ...{ path, apollo, createContext, admission, limits, deadlineMs, logger },
  });
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
