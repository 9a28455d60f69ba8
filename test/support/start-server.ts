/** Starts the HTTP server on a free port, over a fake schema and fake contexts unless given others. */
import { Writable } from 'node:stream';
import type { LevelWithSilent } from 'pino';
import type { GraphQLSchema } from 'graphql';
import type { Principal, Role } from '../../src/auth/principal';
import { createConfig, readEnvironment } from '../../src/config';
import type { Config } from '../../src/config';
import { unauthenticated } from '../../src/errors';
import type { RequestContext } from '../../src/request/context';
import type { ContextRequest, CreateContext } from '../../src/server/graphql/open-context';
import { createHttpServer } from '../../src/server/http-server';
import type { HttpServerDeps } from '../../src/server/http-server';
import { createLogger } from '../../src/server/logger';
import type { OperationSession } from '../../src/tenancy/session.port';
import { createFakeSchema } from './fake-schema';

/** What a fake context was asked to do, in order. */
export interface ContextLog {
  readonly plans: number[];
  readonly cancels: Error[];
  ends: number;
}

export interface StartOptions extends Partial<
  Omit<HttpServerDeps, 'config' | 'logger' | 'schema' | 'createContext'>
> {
  readonly schema?: GraphQLSchema;
  readonly createContext?: CreateContext;
  /** Environment variables over the test's own. */
  readonly environment?: NodeJS.ProcessEnv;
  readonly logLevel?: LevelWithSilent;
}

export interface StartedServer {
  readonly url: string;
  readonly graphqlUrl: string;
  readonly logs: string[];
  readonly contexts: ContextLog[];
  readonly app: Awaited<ReturnType<typeof createHttpServer>>['app'];
  /** Sends a query by POST; `authorization: <role>` signs in with the fake contexts. */
  post(query: string, options?: PostOptions): Promise<Answer>;
  close(): Promise<void>;
}

export interface PostOptions {
  readonly variables?: Record<string, unknown>;
  readonly operationName?: string;
  readonly headers?: Record<string, string>;
  readonly as?: Role;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: {
    readonly data?: Record<string, unknown> | null;
    readonly errors?: readonly {
      readonly message: string;
      readonly extensions: Record<string, unknown> & { code: string };
    }[];
    readonly extensions?: Record<string, unknown>;
  };
}

export async function startServer(options: StartOptions = {}): Promise<StartedServer> {
  const { schema, createContext, environment, logLevel, ...rest } = options;
  const logs: string[] = [];
  const contexts: ContextLog[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logs.push(chunk.toString());
      done();
    },
  });
  const server = await createHttpServer({
    readiness: async () => ({ ready: true, checks: { registry: 'ok' } }),
    ...rest,
    config: testConfig(environment),
    logger: createLogger(logLevel ?? 'debug', sink),
    schema: schema ?? createFakeSchema(),
    createContext: createContext ?? fakeContexts(contexts),
  });
  const { url } = await server.listen();
  const graphqlUrl = `${url}/graphql`;
  return {
    url,
    graphqlUrl,
    logs,
    contexts,
    app: server.app,
    close: () => server.close(),
    post: (query, { variables, operationName, headers, as } = {}) =>
      send(graphqlUrl, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(as ? { authorization: as } : {}),
          ...headers,
        },
        body: JSON.stringify({ query, variables, operationName }),
      }),
  };
}

/** Fetches and reads an answer that must be JSON. */
export async function send(url: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(url, init);
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: JSON.parse(text) as Answer['body'],
  };
}

/** Code of the first error, and the status: what most probes are about. */
export const outcomeOf = ({ status, body }: Answer): string =>
  `${status} ${body.errors?.[0]?.extensions.code ?? 'OK'}`;

export function testConfig(environment: NodeJS.ProcessEnv = {}): Config {
  return createConfig(
    readEnvironment({ NODE_ENV: 'test', PORT: '0', SHUTDOWN_DRAIN_DELAY_MS: '0', ...environment }),
    {
      REGISTRY_URL: 'postgres://unused.invalid/registry',
      REGISTRY_MIGRATION_URL: 'postgres://unused.invalid/registry',
      REGISTRY_KEYS: 'unused',
      AUTH_JWT_KEYS: 'unused',
      EMAIL_INDEX_KEY: 'unused',
      CURSOR_KEY: 'unused',
    },
  );
}

const ROLES: ReadonlySet<string> = new Set<Role>(['reader', 'member', 'admin']);

/** Contexts whose principal has the role named by the Authorization header. */
function fakeContexts(contexts: ContextLog[]): CreateContext {
  return async (request) => {
    const role = request.headers.authorization;
    if (role !== undefined && !ROLES.has(role)) throw unauthenticated(new Error(role));
    const log: ContextLog = { plans: [], cancels: [], ends: 0 };
    contexts.push(log);
    return fakeContext(request, log, role as Role | undefined);
  };
}

function fakeContext(
  request: ContextRequest,
  log: ContextLog,
  role: Role | undefined,
): RequestContext {
  const principal: Principal | undefined = role && {
    userId: 'user-1',
    tenantId: 'tenant-1',
    role,
    sessionId: 'session-1',
  };
  const session: OperationSession = {
    tenantId: 'tenant-1',
    localTenantId: 'tenant-1',
    query: async () => [],
    transaction: async (work) => work(session),
    write: async () => [],
    plan: (statements) => void log.plans.push(statements),
    end: async () => undefined,
    cancel: (reason) => void log.cancels.push(reason),
  };
  const made = new Map<string, unknown>();
  return Object.assign(new SignedIn(principal, session), {
    requestId: request.requestId,
    loaders: {
      get<T>(name: string, make: () => T): T {
        if (!made.has(name)) made.set(name, make());
        return made.get(name) as T;
      },
      clear: () => made.clear(),
    },
    remoteAddress: request.remoteAddress,
    userAgent: request.headers['user-agent'] ?? '',
    signal: request.signal,
    end: async () => {
      log.ends += 1;
    },
    // The services of the real context are not there: no resolver of the fake schema asks for one.
  }) as unknown as RequestContext;
}

/** A class, as in the real context: Apollo copies an object's own accessors by calling them. */
class SignedIn {
  constructor(
    readonly principal: Principal | undefined,
    private readonly theirs: OperationSession,
  ) {}

  get session(): OperationSession {
    if (!this.principal) throw unauthenticated();
    return this.theirs;
  }
}
