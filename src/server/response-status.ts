/**
 * HTTP status and headers of a GraphQL response, by the GraphQL-over-HTTP specification
 * (https://graphql.github.io/graphql-over-http/draft/): `application/json` clients get 200 for a
 * request that failed as GraphQL; `application/graphql-response+json` clients, and those who do
 * not say, get 400. What concerns the transport or the tenant keeps its status for both.
 */
import { LRUCache } from 'lru-cache';
import Negotiator from 'negotiator';
import type { PublicError } from './format-error';
import { statusOfCode } from './format-error';

const GRAPHQL_RESPONSE = 'application/graphql-response+json';
export const JSON_RESPONSE = 'application/json';
const FAILED_AS_GRAPHQL: ReadonlySet<string> = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'QUERY_TOO_COMPLEX',
  'BAD_USER_INPUT',
]);

export interface GraphqlOutcome {
  readonly errors: readonly PublicError[];
  /** Absent when the operation was never executed. */
  readonly data?: Readonly<Record<string, unknown>> | null | undefined;
  /** The request's Accept header. */
  readonly accept: string | undefined;
}

/** Clients send few different ones, each with every request. */
const negotiated = new LRUCache<string, { readonly mediaType: string | undefined }>({ max: 200 });

/** The media type to answer with, or undefined when the client takes neither of the two. */
export function negotiateMediaType(accept: string | undefined): string | undefined {
  if (accept === undefined) return JSON_RESPONSE;
  const known = negotiated.get(accept);
  if (known !== undefined) return known.mediaType;
  const negotiator = new Negotiator({ headers: { accept } });
  const mediaType = negotiator.mediaType([JSON_RESPONSE, GRAPHQL_RESPONSE]);
  negotiated.set(accept, { mediaType });
  return mediaType;
}

/**
 * 200 as soon as one root field was answered; else the status of the first error that has one.
 */
export function statusOf({ errors, data, accept }: GraphqlOutcome): number {
  if (data && Object.values(data).some((value) => value !== null)) return 200;
  const asksForJson =
    accept?.includes(JSON_RESPONSE) === true && negotiateMediaType(accept) === JSON_RESPONSE;
  for (const { extensions } of errors) {
    const failedAsGraphql = FAILED_AS_GRAPHQL.has(extensions.code);
    if (failedAsGraphql && asksForJson) continue;
    // Variables that do not fit the operation: BAD_USER_INPUT before execution, not during it.
    const refusedInput = extensions.code === 'BAD_USER_INPUT' && data === undefined;
    // Masked inside a resolver it is a GraphQL error like others; before one ran, the server failed.
    const failedBefore = extensions.code === 'INTERNAL_SERVER_ERROR' && data === undefined;
    const status = refusedInput ? 400 : failedBefore ? 500 : statusOfCode(extensions.code);
    if (status !== 200) return status;
  }
  return 200;
}

/** Retry-After in whole seconds, from the first error that says when to come back. */
export function retryAfterOf(errors: readonly PublicError[]): string | undefined {
  for (const { extensions } of errors) {
    const seconds = extensions['retryAfterSeconds'];
    if (typeof seconds === 'number') return String(Math.max(1, Math.ceil(seconds)));
  }
  return undefined;
}
