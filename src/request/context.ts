import type { AuthService } from '../auth/auth.service';
import type { Principal } from '../auth/principal';
import type { CursorCodec } from '../database/cursors';
import type { OperationSession } from '../tenancy/session.port';
import type { TenantConnectionFacts } from '../tenancy/tenant-connection';

/** Per-request caches of loaders, by name; emptied after each root mutation field. */
export interface LoaderCache {
  /** Returns the loader made earlier in this request under the name, else makes it. */
  get<T>(name: string, make: () => T): T;
  clear(): void;
}

/** Keeps the registry's e-mail index in step with the signed-in tenant's users. */
export interface EmailRouting {
  add(email: string): Promise<void>;
  remove(email: string): Promise<void>;
}

/** Everything a resolver may use, made for one GraphQL request and thrown away with it. */
export interface RequestContext {
  readonly requestId: string;
  /** Absent for anonymous requests; root fields with a rule never run then. */
  readonly principal: Principal | undefined;
  /** The signed-in tenant's data. @throws UNAUTHENTICATED when the request is anonymous. */
  readonly session: OperationSession;
  readonly loaders: LoaderCache;
  readonly cursors: CursorCodec;
  /** Where the registry learns which e-mail addresses sign in to the tenant. */
  readonly emailRouting: EmailRouting;
  /** Hashes a new password; bounded in how many run at once. */
  readonly hashPassword: (password: string) => Promise<string>;
  /** Looks at the way to the signed-in tenant's data. @throws UNAUTHENTICATED when anonymous. */
  readonly tenantConnection: () => Promise<TenantConnectionFacts>;
  /**
   * Gives an anonymous request the data of the tenant it has just signed in to, so that the answer
   * can show who signed in. Root fields with a rule stay closed to it: there is no principal.
   * @throws BAD_USER_INPUT when the request is signed in to another tenant.
   */
  enter(tenantId: string): Promise<void>;
  /** Signing in and out; the same for all requests. */
  readonly auth: AuthService;
  /** Address the request came from, for log-in limits and session lists. */
  readonly remoteAddress: string;
  readonly userAgent: string;
  /** Aborted when the client goes away or the deadline passes. */
  readonly signal: AbortSignal;
  /** Gives back what the request holds; called once the response is on its way. */
  end(): Promise<void>;
}
