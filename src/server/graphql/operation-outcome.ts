/** Gives each response its public errors, its HTTP status and its cost, and logs what failed on our side. */
import type { GraphQLRequestContextWillSendResponse } from '@apollo/server';
import type { Logger } from 'pino';
import { CONSISTENCY_HEADER } from '../../lib/consistency-header';
import { REPLAYED_HEADER } from '../../lib/idempotency-header';
import { formatError } from '../format-error';
import type { PublicError } from '../format-error';
import { logFailure } from '../log-failure';
import { negotiateMediaType, retryAfterOf, statusOf } from '../response-status';
import type { RequestTrace } from '../request-trace';
import type { ServerContext } from './server-context';

export interface OperationOutcome {
  publish(request: GraphQLRequestContextWillSendResponse<ServerContext>): void;
}

export function createOperationOutcome(costLimit: number, logger: Logger): OperationOutcome {
  return {
    publish({ response, request, errors, contextValue }) {
      // One that is given again was made public when it was given first.
      if (response.body.kind !== 'single' || response.http.headers.has(REPLAYED_HEADER)) return;
      const { requestId, trace } = contextValue;
      const written = contextValue.consistencyToken?.();
      if (written !== undefined) response.http.headers.set(CONSISTENCY_HEADER, written);
      const { singleResult: result } = response.body;
      const mediaType = negotiateMediaType(request.http?.headers.get('accept'));
      // Apollo would find it out anew for each request.
      if (mediaType !== undefined) {
        response.http.headers.set('content-type', `${mediaType}; charset=utf-8`);
      }
      if (trace.cost !== undefined) {
        const cost = { requested: trace.cost, limit: costLimit };
        result.extensions =
          result.extensions === undefined ? { cost } : { ...result.extensions, cost };
      }
      // Those of a compiled operation never passed through Apollo's hands.
      const raised = errors ?? result.errors;
      if (!raised || raised.length === 0) return;

      const formatted = raised.map((error) => formatError(error, requestId));
      result.errors = formatted;
      noteCodes(trace, formatted);
      logFailure(logger, { requestId, trace, errors: raised, formatted });

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
}

function noteCodes(trace: RequestTrace, errors: readonly PublicError[]): void {
  for (const { extensions } of errors) {
    if (!trace.errorCodes.includes(extensions.code)) trace.errorCodes.push(extensions.code);
  }
}
