/** Gives each response its public errors, its HTTP status and its cost, and logs what failed on our side. */
import type { ApolloServerPlugin } from '@apollo/server';
import type { Logger } from 'pino';
import { formatError } from '../format-error';
import type { PublicError } from '../format-error';
import { logFailure } from '../log-failure';
import { retryAfterOf, statusOf } from '../response-status';
import type { RequestTrace } from '../request-trace';
import type { ServerContext } from './server-context';

export function operationOutcomePlugin(
  costLimit: number,
  logger: Logger,
): ApolloServerPlugin<ServerContext> {
  return {
    async unexpectedErrorProcessingRequest({ error, requestContext }) {
      const { requestId } = requestContext.contextValue;
      logger.error({ requestId, err: error }, 'the GraphQL pipeline failed');
    },
    async requestDidStart() {
      return {
        async willSendResponse({ response, request, errors, contextValue }) {
          if (response.body.kind !== 'single') return;
          const { requestId, trace } = contextValue;
          const { singleResult: result } = response.body;
          if (trace.cost !== undefined) {
            result.extensions = {
              ...result.extensions,
              cost: { requested: trace.cost, limit: costLimit },
            };
          }
          if (!errors || errors.length === 0) return;

          const formatted = errors.map((error) => formatError(error, requestId));
          result.errors = formatted;
          noteCodes(trace, formatted);
          logFailure(logger, { requestId, errors, formatted });

          const { http } = response;
          // Apollo knows one status that the code alone does not tell: a mutation sent by GET.
          if (http.status !== 405) {
            const accept = request.http?.headers.get('accept');
            http.status = statusOf({ errors: formatted, data: result.data, accept });
          }
          const retryAfter = retryAfterOf(formatted);
          if (retryAfter) http.headers.set('retry-after', retryAfter);
        },
      };
    },
  };
}

function noteCodes(trace: RequestTrace, errors: readonly PublicError[]): void {
  for (const { extensions } of errors) {
    if (!trace.errorCodes.includes(extensions.code)) trace.errorCodes.push(extensions.code);
  }
}
