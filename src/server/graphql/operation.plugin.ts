/**
 * What the server adds to Apollo's way with an operation, in the order in which it happens. One plugin
 * for all of it: Apollo makes promises for each plugin at each hook, of every request.
 */
import type { ApolloServerPlugin, GraphQLRequestListener } from '@apollo/server';
import type { Logger } from 'pino';
import type { CompiledExecution } from './compiled-execution';
import type { IdempotentAnswers } from './idempotent-answers';
import type { OperationLimits } from './operation-limits';
import type { OperationOutcome } from './operation-outcome';
import type { ServerContext } from './server-context';

export interface OperationSteps {
  readonly limits: OperationLimits;
  readonly execution: CompiledExecution;
  readonly outcome: OperationOutcome;
  readonly idempotentAnswers: IdempotentAnswers;
  readonly logger: Logger;
}

export function operationPlugin(steps: OperationSteps): ApolloServerPlugin<ServerContext> {
  const { limits, execution, outcome, idempotentAnswers, logger } = steps;
  const listener: GraphQLRequestListener<ServerContext> = {
    didResolveOperation: limits.admit,
    responseForOperation(request) {
      const { idempotencyKey } = request.contextValue;
      if (idempotencyKey === undefined) return execution.execute(request);
      return idempotentAnswers
        .claim(request, idempotencyKey)
        .then((answer) => answer ?? execution.execute(request));
    },
    async willSendResponse(request) {
      const { idempotencyKey } = request.contextValue;
      try {
        outcome.publish(request);
      } finally {
        // As it was made public.
        if (idempotencyKey !== undefined) await idempotentAnswers.keep(request, idempotencyKey);
      }
    },
  };
  const started = Promise.resolve(listener);
  return {
    requestDidStart: () => started,
    async unexpectedErrorProcessingRequest({ error, requestContext }) {
      const { requestId } = requestContext.contextValue;
      logger.error({ requestId, err: error }, 'the GraphQL pipeline failed');
    },
  };
}
