/**
 * The context of one request, from its making to its end, which comes exactly once: whether the
 * request is answered, fails, runs out of time or loses its client.
 */
import { GraphQLError } from 'graphql';
import type { FastifyRequest } from 'fastify';
import type { IncomingHttpHeaders } from 'node:http';
import type { Logger } from 'pino';
import type { RequestContext } from '../../request/context';
import type { RequestScope } from './request-scope';
import { withTrace } from './server-context';
import type { ServerContext } from './server-context';

/** What a context is made from. */
export interface ContextRequest {
  readonly headers: IncomingHttpHeaders;
  readonly remoteAddress: string;
  readonly requestId: string;
  /** Aborted when the client goes away or the deadline passes. */
  readonly signal: AbortSignal;
}

export type CreateContext = (request: ContextRequest) => Promise<RequestContext>;

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
  let created: Promise<RequestContext> | undefined;
  let failure: { readonly error: unknown } | undefined;
  const { id: requestId, trace } = request;

  return {
    async create() {
      try {
        created = createContext({
          headers: request.headers,
          remoteAddress: request.ip,
          requestId,
          signal: scope.signal,
        });
        const context = await created;
        if (context.principal) {
          trace.tenantId = context.principal.tenantId;
          trace.userId = context.principal.userId;
        }
        cancelWhenStopped(context, scope.signal);
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

function cancelWhenStopped(context: RequestContext, signal: AbortSignal): void {
  if (!context.principal) return;
  const cancel = (): void => context.session.cancel(signal.reason as Error);
  if (signal.aborted) cancel();
  else signal.addEventListener('abort', cancel, { once: true });
}
