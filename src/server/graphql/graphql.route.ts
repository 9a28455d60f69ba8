/**
 * A GraphQL API at a path: GET and POST, everything else refused.
 *
 * Calls Apollo's executeHTTPGraphQLRequest itself rather than through its Fastify integration,
 * which can neither answer before Apollo does (a deadline must, whatever a resolver waits for) nor
 * survive a Host header that is no URL.
 */
import { HeaderMap } from '@apollo/server';
import type { ApolloServer, HTTPGraphQLRequest, HTTPGraphQLResponse } from '@apollo/server';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { Config } from '../../config';
import { writeInBurst } from '../../lib/bursts';
import type { FairAdmission } from '../admission/fair-admission';
import { HttpError, methodNotAllowed } from '../http-error';
import { negotiateMediaType } from '../response-status';
import { createDocumentGuard } from './document.guard';
import { OpenContext, type CreateContext } from './open-context';
import { RequestScope } from './request-scope';
import type { ServerContext } from './server-context';

export interface GraphqlRouteOptions {
  readonly path: string;
  readonly apollo: ApolloServer<ServerContext>;
  readonly createContext: CreateContext;
  readonly admission: FairAdmission;
  readonly limits: Config['limits'];
  readonly deadlineMs: number;
  readonly logger: Logger;
}

interface RouteOptions extends GraphqlRouteOptions {
  readonly assertReadable: (query: string) => void;
}

const METHODS = ['GET', 'POST'] as const;
const OTHER_METHODS = ['DELETE', 'HEAD', 'OPTIONS', 'PATCH', 'PUT', 'TRACE'] as const;

export function registerGraphqlRoute(app: FastifyInstance, options: GraphqlRouteOptions): void {
  const routeOptions = {
    ...options,
    assertReadable: createDocumentGuard(options.limits),
  };
  app.route({
    method: [...METHODS],
    url: options.path,
    onRequest: (request, _reply, done) => done(refusalOf(request.headers.accept)),
    handler: (request, reply) => answer(request, reply, routeOptions),
  });
  app.route({
    method: [...OTHER_METHODS],
    url: options.path,
    // Before the body is read: what it holds does not matter.
    onRequest: async (request) => {
      throw methodNotAllowed(request.method, METHODS);
    },
    handler: () => undefined,
  });
}

/** Before execution: Apollo finds out only after a mutation has run. */
function refusalOf(accept: string | undefined): HttpError | undefined {
  if (negotiateMediaType(accept) !== undefined) return undefined;
  return new HttpError(
    406,
    'This API answers application/json or application/graphql-response+json: accept one of them.',
  );
}

async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  options: RouteOptions,
): Promise<FastifyReply> {
  const query = queryOf(request);
  if (query !== undefined) options.assertReadable(query);

  const scope = new RequestScope(reply.raw, options.deadlineMs);
  const context = new OpenContext(request, scope, options);
  try {
    const response = await scope.orStop(
      options.apollo.executeHTTPGraphQLRequest({
        httpGraphQLRequest: toApolloRequest(request),
        context: () => context.create(),
      }),
    );
    if (context.failure) throw context.failure.error;
    // Refused by Apollo before there was a context to note it in.
    const refused = (response.status ?? 200) >= 400 && request.trace.errorCodes.length === 0;
    if (refused) request.trace.errorCodes.push('BAD_REQUEST');
    return send(reply, response);
  } finally {
    scope.close();
    context.end();
  }
}

/** To choose the form of the answer, and to refuse requests that a browser sends without asking. */
const HEADERS_APOLLO_READS = [
  'accept',
  'content-type',
  'apollo-require-preflight',
  'x-apollo-operation-name',
] as const;

function toApolloRequest(request: FastifyRequest): HTTPGraphQLRequest {
  const { method, url, body, headers: given } = request;
  const headers = new HeaderMap();
  for (const name of HEADERS_APOLLO_READS) {
    const value = given[name];
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  return { method, headers, search: searchOf(url), body };
}

function queryOf({ method, url, body }: FastifyRequest): string | undefined {
  const query: unknown =
    method === 'GET'
      ? new URLSearchParams(searchOf(url)).get('query')
      : (body as { query?: unknown } | null | undefined)?.query;
  return typeof query === 'string' ? query : undefined;
}

function searchOf(url: string): string {
  const start = url.indexOf('?');
  return start === -1 ? '' : url.slice(start);
}

function send(reply: FastifyReply, { status, headers, body }: HTTPGraphQLResponse): FastifyReply {
  if (body.kind !== 'complete') {
    throw new Error('Expected a response in one piece, but Apollo began an incremental one.');
  }
  if (reply.raw.socket !== null) writeInBurst(reply.raw.socket);
  for (const [name, value] of headers) void reply.header(name, value);
  return reply
    .code(status ?? 200)
    .header('cache-control', 'no-store')
    .send(body.string);
}
