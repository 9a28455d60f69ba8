import type { IdempotencyKey } from '../../request/context';
import type { RequestTrace } from '../request-trace';

/** What the server asks of a context, whichever API it is for; the resolvers know what else it is. */
export interface ServedContext {
  readonly requestId: string;
  /** Who is signed in: a user of a tenant, or an operator of the platform. */
  readonly principal:
    | { readonly tenantId: string; readonly userId: string }
    | { readonly operatorId: string }
    | undefined;
  /** The data that the operation is about; absent where no session with a tenant's data is held. */
  readonly session?: {
    /** Told how many statements the operation may need. */
    plan(statements: number, reads?: 'nearest' | 'primary'): void;
    cancel(reason: Error): void;
  };
  /** What the client hands on to see, wherever it reads next, what this request has written. */
  readonly consistencyToken?: () => string | undefined;
  /** Of a signed-in user's request that carries one. */
  readonly idempotencyKey?: IdempotencyKey | undefined;
  end(): Promise<void>;
}

/**
 * What a resolver's context is to the server's own plugins: they also write the request's trace.
 *
 * Apollo hands resolvers a copy of the context's own properties over the same prototype. What is
 * found out only when it is asked for (`session` throws for anonymous requests) must therefore be an
 * accessor of a class: one of the object itself would be called for the copy.
 */
export interface ServerContext extends ServedContext {
  readonly trace: RequestTrace;
}
