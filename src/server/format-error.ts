/**
 * The one place where anything thrown becomes what a client may read. What is not known to be safe
 * is masked: a resolver's error can hold a connection URL, SQL or another tenant's value.
 */
import { GraphQLError } from 'graphql';
import type { GraphQLFormattedError } from 'graphql';
import { HTTP_STATUS_BY_CODE, isAppError } from '../errors';
import { HttpError } from './http-error';

export interface PublicError extends GraphQLFormattedError {
  readonly extensions: { readonly code: string; readonly [detail: string]: unknown };
}

/** Codes of the GraphQL pipeline itself; their messages speak of the client's own document. */
const PIPELINE_STATUS_BY_CODE: Readonly<Record<string, number>> = {
  GRAPHQL_PARSE_FAILED: 400,
  GRAPHQL_VALIDATION_FAILED: 400,
  OPERATION_RESOLUTION_FAILURE: 400,
  BAD_REQUEST: 400,
  BAD_USER_INPUT: 200,
  PERSISTED_QUERY_NOT_FOUND: 200,
  PERSISTED_QUERY_NOT_SUPPORTED: 200,
};

/** Keeps a refusal of a hostile document below 1 KB, together with the bound on their number. */
const MAX_PIPELINE_MESSAGE_LENGTH = 140;
const MAX_LOCATIONS = 2;
const MAX_ORIGIN_HOPS = 5;

/**
 * Turns anything thrown into its public form; never throws.
 * An AppError keeps code, message and details; an error of the GraphQL pipeline keeps code and
 * message; everything else is INTERNAL_SERVER_ERROR with the request id and nothing more.
 */
export function formatError(thrown: unknown, requestId?: string): PublicError {
  try {
    return { ...describe(thrown, requestId), ...placeOf(thrown) };
  } catch {
    // A thrown value can be hostile itself (a throwing getter); its text is then worth nothing.
    return masked(requestId);
  }
}

/** HTTP status of a public code when nothing else was answered. */
export function statusOfCode(code: string): number {
  const statuses: Readonly<Record<string, number>> = {
    ...PIPELINE_STATUS_BY_CODE,
    ...HTTP_STATUS_BY_CODE,
  };
  return statuses[code] ?? 200;
}

function describe(thrown: unknown, requestId: string | undefined): PublicError {
  const origin = originOf(thrown);
  if (isAppError(origin)) {
    if (origin.code === 'INTERNAL_SERVER_ERROR') return masked(requestId);
    return { message: origin.message, extensions: { ...origin.details, code: origin.code } };
  }
  if (origin instanceof HttpError) {
    return { message: origin.message, extensions: { code: origin.code } };
  }
  if (thrown instanceof GraphQLError) {
    const code = pipelineCodeOf(thrown);
    if (code) return { message: pipelineMessage(thrown), extensions: { code } };
  }
  return masked(requestId);
}

function originOf(thrown: unknown): unknown {
  let origin = thrown;
  for (let hop = 0; hop < MAX_ORIGIN_HOPS; hop += 1) {
    if (!(origin instanceof GraphQLError) || !origin.originalError) break;
    origin = origin.originalError;
  }
  return origin;
}

/**
 * The code of an error that the pipeline raised about the document, else undefined. An error with a
 * path came out of a resolver and is not the pipeline's, except where graphql-js coerces arguments.
 */
function pipelineCodeOf(error: GraphQLError): string | undefined {
  if (error.path) {
    const aboutArgument = !error.originalError && error.message.startsWith('Argument "');
    return aboutArgument ? 'BAD_USER_INPUT' : undefined;
  }
  const { code } = error.extensions;
  return typeof code === 'string' && Object.hasOwn(PIPELINE_STATUS_BY_CODE, code)
    ? code
    : undefined;
}

/** Suggestions would spell out the schema to those who may not read it. */
function pipelineMessage(error: GraphQLError): string {
  const plain = withoutValue(error)
    .replace(/ ?Did you mean [^?]*\?/g, '')
    .trim();
  return plain.length > MAX_PIPELINE_MESSAGE_LENGTH
    ? `${plain.slice(0, MAX_PIPELINE_MESSAGE_LENGTH)}…`
    : plain;
}

/**
 * graphql-js quotes the whole value of a variable that it cannot use, with the password beside the
 * misspelt field; where in the variable the fault is and what it is says enough.
 */
function withoutValue({ message, originalError }: GraphQLError): string {
  const [, variable] = /^(Variable "\$\w+") got invalid value /.exec(message) ?? [];
  if (variable === undefined) return message;
  const reason = originalError?.message ?? '';
  const place =
    / at "[^"]+"$/.exec(message.slice(0, message.lastIndexOf(`; ${reason}`)))?.[0] ?? '';
  const told = reason.replace(/(cannot represent [\w\s-]+): [\s\S]*$/, '$1.');
  return `${variable} got an invalid value${place}${told === '' ? '.' : `: ${told}`}`;
}

function masked(requestId: string | undefined): PublicError {
  return {
    message: 'Something went wrong on our side: try again, and name the request id if it stays so.',
    extensions: {
      code: 'INTERNAL_SERVER_ERROR',
      ...(requestId === undefined ? {} : { requestId }),
    },
  };
}

function placeOf(thrown: unknown): Pick<GraphQLFormattedError, 'locations' | 'path'> {
  if (!(thrown instanceof GraphQLError)) return {};
  const { locations, path } = thrown.toJSON();
  return {
    ...(locations ? { locations: locations.slice(0, MAX_LOCATIONS) } : {}),
    ...(path ? { path } : {}),
  };
}
