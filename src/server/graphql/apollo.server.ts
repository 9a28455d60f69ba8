/** Apollo Server as this house runs it: no reporting, no landing page, no batches, no stack traces. */
import { ApolloServer } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import type { GraphQLSchema } from 'graphql';
import type { Logger } from 'pino';
import type { Config } from '../../config';
import { stringifyAnswer } from '../../graphql/finished-json';
import { formatError } from '../format-error';
import { createCompiledExecution } from './compiled-execution';
import { createIdempotentAnswers } from './idempotent-answers';
import { createOperationLimits } from './operation-limits';
import { createOperationOutcome } from './operation-outcome';
import { operationPlugin } from './operation.plugin';
import type { ServerContext } from './server-context';
import { createTenantBudget } from './tenant-budget';

export interface ApolloOptions {
  readonly schema: GraphQLSchema;
  readonly limits: Config['limits'];
  readonly config: Config;
  readonly logger: Logger;
}

/** Errors of one document that are told at once; with the length of each it bounds the reply. */
const MAX_REPORTED_ERRORS = 3;

/** @returns a started server; the caller stops it. */
export async function createApolloServer(
  options: ApolloOptions,
): Promise<ApolloServer<ServerContext>> {
  const { schema, limits, config, logger } = options;
  const production = config.mode === 'production';
  const server = new ApolloServer<ServerContext>({
    schema,
    nodeEnv: config.mode,
    introspection: true, // who may use it is decided per request, by the operation's limits
    hideSchemaDetailsFromClientErrors: production,
    includeStacktraceInErrorResponses: false,
    persistedQueries: false,
    csrfPrevention: true,
    allowBatchedHttpRequests: false,
    stopOnTerminationSignals: false,
    parseOptions: { maxTokens: limits.tokens },
    validationOptions: { maxErrors: MAX_REPORTED_ERRORS },
    executionOptions: { maxCoercionErrors: MAX_REPORTED_ERRORS },
    stringifyResult: stringifyAnswer,
    formatError: (_formatted, error) => formatError(error),
    logger: quietLogger(logger),
    plugins: [
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginInlineTraceDisabled(),
      ApolloServerPluginLandingPageDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
      operationPlugin({
        limits: createOperationLimits({
          limits,
          budget: createTenantBudget(limits.tenantCostPerMinute),
          anonymousIntrospection: !production,
        }),
        execution: createCompiledExecution(schema),
        outcome: createOperationOutcome(limits.cost, logger),
        idempotentAnswers: createIdempotentAnswers(),
        logger,
      }),
    ],
  });
  await server.start();
  return server;
}

/** Apollo puts error messages into its log lines; what it reports before the first colon is its own. */
function quietLogger(logger: Logger): Pick<Console, 'debug' | 'info' | 'warn' | 'error'> {
  const own = (message: unknown): string => String(message).split(':', 1)[0] ?? '';
  return {
    debug: (message: unknown) => logger.debug(`Apollo: ${own(message)}`),
    info: (message: unknown) => logger.info(`Apollo: ${own(message)}`),
    warn: (message: unknown) => logger.warn(`Apollo: ${own(message)}`),
    error: (message: unknown) => logger.error(`Apollo: ${own(message)}`),
  };
}
