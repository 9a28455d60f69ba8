/** Makes the context of one request: who sends it, in which tenant, with which session. */
import type { Logger } from 'pino';
import type { AuthService } from '../auth/auth.service';
import { createEmailIndexKeyOf, normalizeEmail } from '../auth/email-address';
import type { Passwords } from '../auth/passwords';
import type { Principal } from '../auth/principal';
import type { Config } from '../config';
import { createCursorCodec, type CursorCodec } from '../database/cursors';
import { unauthenticated } from '../errors';
import { CONSISTENCY_HEADER } from '../lib/consistency-header';
import { SECOND } from '../lib/duration';
import { IDEMPOTENCY_KEY_HEADER } from '../lib/idempotency-header';
import { requestDeadlineMs } from '../lib/request-deadline';
import type { OperationSession } from '../tenancy/session.port';
import { readConsistencyToken, toConsistencyToken } from '../tenancy/replicas/consistency-token';
import type { Written } from '../tenancy/replicas/read-router';
import type { Consistency, Tenancy } from '../tenancy/tenancy';
import { createTenantConnection } from '../tenancy/tenant-connection';
import { createHostScopes, limitToHost } from './host-scope';
import { createIdempotencyKey } from './idempotency/idempotency-key';
import { createTenantHostnames, hostnamesDeps } from './tenant-hostnames';
import {
  TenantContext,
  refuseOutOfService,
  single,
  type ContextParts,
  type IncomingRequest,
  type TenantPlans,
} from './tenant-context';
import type { EmailRouting, IdempotencyKey, Registration, RequestContext } from './context';

export interface ContextDependencies {
  readonly config: Config;
  readonly tenancy: Tenancy;
  readonly auth: AuthService;
  readonly passwords: Passwords;
  readonly registration: Registration;
  readonly plans: TenantPlans;
  readonly logger: Pick<Logger, 'error'>;
}

/** A request that is past its deadline is being cancelled; then its process counts as dead. */
const GIVEN_UP_AFTER_MS = 5 * SECOND;

export function createContextFactory(deps: ContextDependencies) {
  const { config, tenancy, auth, plans, logger } = deps;
  const { directory } = tenancy;
  const parts = contextPartsOf(deps);
  const { cursors } = parts;
  const findHostScope = createHostScopes(config.http, tenancy);
  const leaseMs = requestDeadlineMs(config.pools.statementTimeoutMs) + GIVEN_UP_AFTER_MS;

  return async (request: IncomingRequest): Promise<RequestContext> => {
    const { headers, host, requestId } = request;
    // Nearly always all of this is known: then nothing is waited for.
    const found = findHostScope(host);
    const hostScope = found instanceof Promise ? await found : found;
    const authorization = single(headers['authorization']);
    const principal = auth.recognise(authorization) ?? (await auth.authenticate(authorization));
    const tenant =
      principal &&
      (directory.knownTenant(principal.tenantId) ??
        (await directory.findTenant(principal.tenantId)));
    // Before anything is said of the tenant: at another's host there is no such token.
    if (hostScope !== undefined && tenant !== undefined && tenant.slug !== hostScope.slug) {
      throw unauthenticated();
    }
    // Authentication believes its verdict on a session for a while; the tenant's status does not wait.
    if (principal !== undefined) refuseOutOfService(tenant);
    if (principal !== undefined) request.onPrincipal(principal);
    if (tenant !== undefined) plans.takeRequest(tenant);
    const author = { userId: principal?.userId, requestId };
    const consistency = consistencyOf(cursors, principal, single(headers[CONSISTENCY_HEADER]));
    let session =
      tenant === undefined ? anonymousSession : tenancy.openSession(tenant, author, consistency);
    const key = single(headers[IDEMPOTENCY_KEY_HEADER]);
    let idempotencyKey: IdempotencyKey | undefined;
    if (key !== undefined && principal !== undefined && tenant !== undefined) {
      ({ idempotencyKey, session } = createIdempotencyKey({
        key,
        userId: principal.userId,
        session,
        transaction: (work) => tenancy.openSession(tenant, author).transaction(work),
        leaseMs,
        onFailure: (err) => logger.error({ requestId, err }, 'an idempotent answer is lost'),
      }));
    }
    return new TenantContext(parts, {
      request,
      principal,
      tenant,
      author,
      consistency,
      auth: hostScope === undefined ? auth : limitToHost(auth, hostScope, directory),
      idempotencyKey,
      session,
    });
  };
}

/** What is the same for all requests. */
function contextPartsOf(deps: ContextDependencies): ContextParts {
  const { config, tenancy, passwords, registration, plans } = deps;
  return {
    tenancy,
    plans,
    registration,
    cursors: createCursorCodec(config.cursorKey),
    routingFor: createEmailRouting(tenancy, config.auth.emailIndexKey),
    lookAtConnection: createTenantConnection(tenancy),
    hashPassword: (password) => passwords.hash(password),
    hostnamesOf: createTenantHostnames(hostnamesDeps(tenancy, config.http)),
  };
}

/** Whoever reads in a region of its own reads what it wrote, whichever process took the write. */
function consistencyOf(
  cursors: CursorCodec,
  principal: Principal | undefined,
  handedOn: string | undefined,
): Consistency & { token(): string | undefined } {
  let last: Written | undefined;
  if (principal === undefined) return { token: () => undefined };
  const { tenantId } = principal;
  return {
    written: handedOn === undefined ? undefined : readConsistencyToken(cursors, tenantId, handedOn),
    onWrite: (written) => {
      last = written;
    },
    token: () => (last === undefined ? undefined : toConsistencyToken(cursors, tenantId, last)),
  };
}

/** The index of one tenant's addresses; without a tenant there is nothing to keep. */
export function createEmailRouting(tenancy: Pick<Tenancy, 'registry'>, emailIndexKey: string) {
  const keyOf = createEmailIndexKeyOf(emailIndexKey);
  return (tenantId: string | undefined): EmailRouting => {
    const of = (): string => {
      if (tenantId === undefined) throw unauthenticated();
      return tenantId;
    };
    return {
      add: async (email) => tenancy.registry.addEmail(keyOf(normalizeEmail(email)), of()),
      remove: async (email) => tenancy.registry.removeEmail(keyOf(normalizeEmail(email)), of()),
    };
  };
}

const refuse = (): never => {
  throw unauthenticated();
};

/** What an anonymous request has for a session: nothing can be asked of it. */
const anonymousSession: OperationSession = {
  get tenantId() {
    return refuse();
  },
  get localTenantId() {
    return refuse();
  },
  plan: refuse,
  query: refuse,
  transaction: refuse,
  write: refuse,
  end: () => Promise.resolve(),
  cancel: () => undefined,
};
