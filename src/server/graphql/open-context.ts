/**
 * The context of one request, from its making to its end, which comes exactly once: whether the
 * request is answered, fails, runs out of time or loses its client.
 */
import { GraphQLError } from 'graphql';
import type { FastifyRequest } from 'fastify';
import type { IncomingHttpHeaders } from 'node:http';
import type { Logger } from 'pino';
import type { RequestTrace } from '../request-trace';
import type { RequestScope } from './request-scope';
import { withTrace } from './server-context';
import type { ServedContext, ServerContext } from './server-context';

/** What a context is made from. */
export interface ContextRequest {
  readonly headers: IncomingHttpHeaders;
  /** Of X-Forwarded-Host behind a proxy that is trusted. */
  readonly host: string | undefined;
  readonly remoteAddress: string;
  readonly requestId: string;
  /** Aborted when the client goes away or the deadline passes. */
  readonly signal: AbortSignal;
  readonly extendDeadline: (ms: number) => void;
}

export type CreateContext = (request: ContextRequest) => Promise<ServedContext>;

export interface OpenContext {
  create(): Promise<ServerContext>;
  /** Why the context could not be made; Apollo's own answer to that is discarded. */
  readonly failure: { readonly error: unknown } | undefined;
  /** Ends the context exactly once, also one that is finished after the request was given up. */
  end(): void;
}

/** Makes nothing yet: Apollo asks for the context once the request has passed its first checks. */
export function openContext(
  request: FastifyRequest,
  scope: RequestScope,
  { createContext, logger }: { readonly createContext: CreateContext; readonly logger: Logger },
): OpenContext {
  let created: Promise<ServedContext> | undefined;
  let failure: { readonly error: unknown } | undefined;
  const { id: requestId, trace } = request;

  return {
    async create() {
      try {
        created = createContext({
          headers: request.headers,
          host: request.host,
          remoteAddress: request.ip,
          requestId,
          extendDeadline: scope.extendDeadline,
          get signal() {
            return scope.signal;
          },
        });
        const context = await created;
        nameWho(trace, context.principal);
        if (context.principal) scope.onStop((reason) => context.session?.cancel(reason));
        return withTrace(context, trace);
      } catch (error) {
        failure = { error };
        throw new GraphQLError('The context could not be made.');
      }
    },
    get failure() {
      return failure;
    },
    end() {
      // The response does not wait for it. A context that failed to open has nothing to end.
      created
        ?.catch(() => undefined)
        .then((context) => context?.end())
        .catch((error: unknown) => logger.error({ requestId, err: error }, 'context did not end'));
    },
  };
}

function nameWho(trace: RequestTrace, principal: ServedContext['principal']): void {
  if (principal === undefined) return;
  if ('operatorId' in principal) {
    trace.operatorId = principal.operatorId;
  } else {
    trace.tenantId = principal.tenantId;
    trace.userId = principal.userId;
  }
}
