/** What a client was told least about is what an engineer needs most: the cause, in the log. */
import { GraphQLError } from 'graphql';
import type { Logger } from 'pino';
import { statusOfCode } from './format-error';
import type { PublicError } from './format-error';
import type { RequestTrace } from './request-trace';

export interface Failure {
  readonly requestId: string;
  /** Whose request it was, as far as known. */
  readonly trace?: Partial<Pick<RequestTrace, 'tenantId' | 'userId' | 'operatorId' | 'traceId'>>;
  /** As thrown; logged without its message unless it is ours (`describeError`). */
  readonly errors: readonly unknown[];
  /** The public forms, in the same order. */
  readonly formatted: readonly PublicError[];
}

/**
 * Logs the first error that is our fault or a dependency's; what a client did wrong is in the
 * request's line already. Only the first: a field that fails on a page of records fails for the
 * same reason on each.
 */
export function logFailure(
  logger: Logger,
  { requestId, trace = {}, errors, formatted }: Failure,
): void {
  const index = formatted.findIndex(({ extensions: { code } }) => isOurs(code));
  const code = formatted[index]?.extensions.code;
  if (code === undefined) return;
  const error = errors[index];
  const err = error instanceof GraphQLError ? (error.originalError ?? error) : error;
  const { tenantId, userId, operatorId, traceId } = trace;
  const who = { tenantId, userId, operatorId, traceId };
  const line = { requestId, ...who, code, path: formatted[index]?.path, err };
  if (code === 'INTERNAL_SERVER_ERROR') logger.error(line, 'request failed');
  else logger.warn(line, 'request failed');
}

const isOurs = (code: string): boolean =>
  code === 'INTERNAL_SERVER_ERROR' || statusOfCode(code) >= 500;
