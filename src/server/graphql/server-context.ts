import type { RequestContext } from '../../request/context';
import type { RequestTrace } from '../request-trace';

/** What a resolver's context is to the server's own plugins: they also write the request's trace. */
export interface ServerContext extends RequestContext {
  readonly trace: RequestTrace;
}

/**
 * Adds the trace without touching the context. Apollo hands resolvers a shallow copy of what it is
 * given, which would call every getter of the context once (`session` throws for anonymous
 * requests); behind a prototype they stay getters.
 */
export function withTrace(context: RequestContext, trace: RequestTrace): ServerContext {
  return Object.assign(Object.create(context) as RequestContext, { trace });
}
