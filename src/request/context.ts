import type { AuthService } from '../auth/auth.service';
import type { LoginOutcome } from '../auth/login';
import type { Principal } from '../auth/principal';
import type { Client } from '../auth/user-sessions.store';
import type { CursorCodec } from '../database/cursors';
import type { SqlRunner } from '../database/statement';
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

/** What whoever has no organisation yet asks for. */
export interface RegistrationRequest {
  readonly organisation: string;
  readonly slug: string;
  readonly name: string;
  readonly email: string;
  readonly password: string;
  readonly placement: 'shared' | 'dedicated' | 'byo';
  readonly plan?: string;
  readonly region?: string;
  /** Of placement `byo`. */
  readonly database?: { readonly url: string; readonly migrationUrl?: string };
}

export interface Registration {
  /**
   * Makes an organisation with its first admin, and signs them in.
   * @throws RATE_LIMITED, FORBIDDEN where registration is closed, OVERLOADED, TENANT_UNAVAILABLE, and
   *   faults of the request at its fields.
   */
  register(request: RegistrationRequest, client: Client): Promise<LoginOutcome>;
}

/** A name under which a tenant's people sign in, and what proves that it is theirs. */
export interface TenantHostname {
  readonly hostname: string;
  /** Until then it leads nowhere. */
  readonly verifiedAt: Date | null;
  readonly createdAt: Date;
  /** The TXT record that proves it. */
  readonly recordName: string;
  readonly recordValue: string;
}

/**
 * The signed-in tenant's host names. Throw NOT_FOUND, BAD_USER_INPUT and CONFLICT with the input's
 * field in their details.
 */
export interface TenantHostnames {
  list(): Promise<TenantHostname[]>;
  add(hostname: string): Promise<TenantHostname>;
  verify(hostname: string): Promise<TenantHostname>;
  remove(hostname: string): Promise<void>;
}

/** What is used of something that a plan limits; a limit that is null is none. */
export interface Usage {
  readonly used: number;
  readonly limit: number | null;
}

export interface TenantUsageFacts {
  readonly plan: string;
  readonly trialEndsAt: Date | null;
  readonly users: Usage;
  readonly records: Usage;
  readonly storageBytes: Usage;
  readonly requestsToday: Usage;
  readonly requestsPerMinute: number | null;
}

/** The signed-in tenant's plan. */
export interface TenantPlan {
  /**
   * Asked in the transaction that has just written so many new ones.
   * @returns why the plan does not allow them, for whoever wrote them; undefined when it does.
   */
  refusal(tx: SqlRunner, what: 'users' | 'records', created: number): Promise<string | undefined>;
  /**
   * Asked before so many are written: whether the plan surely allows them, as far as this process
   * knows. They are counted then; whoever does not write them gives them back. Where it is false,
   * `refusal` finds out.
   */
  admits(what: 'users' | 'records', created: number): boolean;
  giveBack(what: 'users' | 'records', created: number): void;
  usage(): Promise<TenantUsageFacts>;
}

/** What makes two requests the same. */
export interface KeyedRequest {
  readonly query: string;
  readonly operationName: string | undefined;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** A request that holds its key, and is to be executed. Must be finished. */
export interface Claim {
  /**
   * Keeps the answer for whoever sends the request again, or frees the key: where there were errors
   * and nothing was committed, nothing has happened, and a repetition is executed.
   * Never throws: what could not be kept is a lost answer, of which a repetition is told.
   */
  finish(outcome: ClaimOutcome): Promise<void>;
}

export interface ClaimOutcome {
  /** The response as JSON; undefined when it is none to give again. */
  readonly answer: string | undefined;
  readonly hasErrors: boolean;
}

export interface IdempotencyKey {
  /**
   * Claims the key, before anything is executed.
   * @returns the claim, or the answer that the same request was given.
   * @throws BAD_REQUEST for a malformed key; CONFLICT while the same request is being executed, and
   * when it was carried out but its answer is lost; IDEMPOTENCY_MISMATCH for another request.
   */
  claim(request: KeyedRequest): Promise<{ readonly claim: Claim } | { readonly answer: string }>;
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
  readonly hostnames: TenantHostnames;
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
  /** @throws UNAUTHENTICATED when the request is anonymous. */
  readonly plan: TenantPlan;
  /** Making an organisation; the same for all requests. */
  readonly registration: Registration;
  /** Signing in and out; the same for all requests. */
  readonly auth: AuthService;
  /** Address the request came from, for log-in limits and session lists. */
  readonly remoteAddress: string;
  readonly userAgent: string;
  /** What the client hands on to see, wherever it reads next, what this request has written. */
  readonly consistencyToken?: () => string | undefined;
  /** Absent when the request carries none, or nobody is signed in. */
  readonly idempotencyKey?: IdempotencyKey | undefined;
  /** Aborted when the client goes away or the deadline passes. */
  readonly signal: AbortSignal;
  /**
   * Gives the request so long from now, for work that is slow by its nature; its place in execution
   * is free from then on.
   */
  readonly extendDeadline: (ms: number) => void;
  /** Gives back what the request holds; called once the response is on its way. */
  end(): Promise<void>;
}
