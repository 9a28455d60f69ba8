/**
 * The one error type of cloister, and the only place where public codes are named.
 *
 * A code is a promise to clients; a message says what was expected, what was got and what to do.
 * Neither ever holds a secret, a connection URL or SQL: what an engineer needs travels in `cause`,
 * which is logged and never sent.
 */

/** HTTP status by public code (codes without an entry answer 200 as GraphQL errors do). */
export const HTTP_STATUS_BY_CODE = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 200,
  NOT_FOUND: 200,
  BAD_REQUEST: 400,
  BAD_USER_INPUT: 200,
  CONFLICT: 409,
  QUERY_TOO_COMPLEX: 400,
  GRAPHQL_VALIDATION_FAILED: 400,
  RATE_LIMITED: 429,
  TENANT_UNAVAILABLE: 503,
  OVERLOADED: 503,
  TIMEOUT: 504,
  IDEMPOTENCY_MISMATCH: 422,
  TENANT_SUSPENDED: 403,
  INTERNAL_SERVER_ERROR: 200,
} as const satisfies Record<string, number>;

export type ErrorCode = keyof typeof HTTP_STATUS_BY_CODE;

export interface AppErrorOptions {
  /** What happened below; logged, never sent to a client. */
  readonly cause?: unknown;
  /** Sent to clients as `extensions`: plain values only, never a secret. */
  readonly details?: Readonly<Record<string, unknown>>;
}

export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }
}

export function isAppError(error: unknown): error is AppError {
  return error instanceof AppError;
}

/** No valid credential. One wording for every reason, so that the answer tells nothing. */
export const unauthenticated = (cause?: unknown): AppError =>
  new AppError('UNAUTHENTICATED', 'Sign in first: this request carries no valid access token.', {
    cause,
  });

/** Log-in refused. Byte for byte the same for an unknown e-mail, a wrong password and a disabled user. */
export const invalidCredentials = (): AppError =>
  new AppError('UNAUTHENTICATED', 'The e-mail or the password is wrong.');

export const forbidden = (needed: string, giver = 'an admin of your organisation'): AppError =>
  new AppError('FORBIDDEN', `This needs the role ${needed}; ask ${giver}.`);

export const badUserInput = (message: string, details: Record<string, unknown> = {}): AppError =>
  new AppError('BAD_USER_INPUT', message, { details });

export const notFound = (what: string): AppError =>
  new AppError('NOT_FOUND', `There is no such ${what}.`);

export const queryTooComplex = (message: string, details: Record<string, unknown> = {}): AppError =>
  new AppError('QUERY_TOO_COMPLEX', message, { details });

export const rateLimited = (retryAfterSeconds: number): AppError =>
  new AppError('RATE_LIMITED', `Too many requests: try again in ${retryAfterSeconds} s.`, {
    details: { retryAfterSeconds },
  });

export const overloaded = (cause?: unknown): AppError =>
  new AppError('OVERLOADED', 'The server has more work than it can take now: try again shortly.', {
    cause,
    details: { retryAfterSeconds: 1 },
  });

export const timeout = (limitMs: number, cause?: unknown): AppError =>
  new AppError('TIMEOUT', `The request took longer than ${limitMs} ms: ask for less at once.`, {
    cause,
  });

/**
 * Why a tenant's data cannot be reached. Each reason has a remedy for the operator; the client
 * sees the reason's name and the remedy, never an address.
 */
export const TENANT_UNAVAILABLE_REMEDIES = {
  NO_DATA_SOURCE: 'The tenant has no data source: assign one in the registry.',
  REGISTRY_UNREACHABLE:
    'The registry cannot be reached: check REGISTRY_URL and that its server is up.',
  DATA_SOURCE_UNREACHABLE:
    "The tenant's data source cannot be reached: check that its server is up and accepts connections.",
  ADDRESS_REFUSED:
    "The data source's host leads to an address that is not public: correct it, or allow its network with BYO_ALLOWED_NETWORKS.",
  TENANT_ID_MISMATCH:
    'The tenant id recorded for the data source is not the one found there: correct tenant_id_in_data_source.',
  TENANT_MOVING:
    'The tenant is moving to another data source and its move stands still: `cloister move <tenant> --status` tells where, `--resume` ends it.',
  BAD_KEY:
    "The data source's credentials cannot be decrypted: check REGISTRY_KEYS holds the key they were sealed with.",
  KEY_PROVIDER_UNREACHABLE:
    "The service that holds the registry's master key does not answer, or refuses our credentials: check REGISTRY_KEY_PROVIDER and its variables, and that the service is up.",
  UNSAFE_ROLE:
    'The run-time role of the data source could bypass row-level security: use a role that owns nothing, is no superuser and has no BYPASSRLS.',
  UNGUARDED_TABLES:
    'A table of the data source is not guarded by row-level security: enable and force it there, with a policy on app.tenant_id alone.',
  SESSION_STYLE:
    "The data source's tables are distributed (Citus), but its session style is direct: `cloister sources distribute <name>` sets it right.",
  SCHEMA_VERSION:
    "The data source's schema does not fit this version of cloister: run `cloister migrate` if it is older, or a newer version of cloister if it is newer.",
} as const;

export type TenantUnavailableReason = keyof typeof TENANT_UNAVAILABLE_REMEDIES;

export const tenantUnavailable = (reason: TenantUnavailableReason, cause?: unknown): AppError =>
  new AppError('TENANT_UNAVAILABLE', TENANT_UNAVAILABLE_REMEDIES[reason], {
    cause,
    details: { reason, retryAfterSeconds: 5 },
  });

export const tenantSuspended = (): AppError =>
  new AppError('TENANT_SUSPENDED', 'This organisation is suspended: contact its administrator.', {
    details: { reason: 'SUSPENDED' },
  });

export const trialEnded = (): AppError =>
  new AppError(
    'TENANT_SUSPENDED',
    'The trial of this organisation has ended, and nothing is lost: a plan makes it go on.',
    { details: { reason: 'TRIAL_ENDED' } },
  );

export const tenantClosed = (): AppError =>
  new AppError(
    'TENANT_SUSPENDED',
    'This organisation is closed: whoever runs the service can reopen it for a while.',
    { details: { reason: 'CLOSED' } },
  );

export const internalError = (message: string, cause?: unknown): AppError =>
  new AppError('INTERNAL_SERVER_ERROR', message, { cause });
