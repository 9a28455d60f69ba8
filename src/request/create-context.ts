/** Makes the context of one request: who sends it, in which tenant, with which session. */
import type { Logger } from 'pino';
import type { AuthService } from '../auth/auth.service';
import { createEmailIndexKeyOf, normalizeEmail } from '../auth/email-address';
import type { Passwords } from '../auth/passwords';
import type { Principal } from '../auth/principal';
import { maySignIn, refusalOf } from '../auth/ports';
import type { Config } from '../config';
import { createCursorCodec, type CursorCodec } from '../database/cursors';
import { badUserInput, unauthenticated } from '../errors';
import { CONSISTENCY_HEADER } from '../lib/consistency-header';
import { SECOND } from '../lib/duration';
import { IDEMPOTENCY_KEY_HEADER } from '../lib/idempotency-header';
import { requestDeadlineMs } from '../lib/request-deadline';
import type { TenantRow } from '../tenancy/registry.store';
import type { OperationSession } from '../tenancy/session.port';
import { readConsistencyToken, toConsistencyToken } from '../tenancy/replicas/consistency-token';
import type { Written } from '../tenancy/replicas/read-router';
import type { Consistency, Tenancy } from '../tenancy/tenancy';
import { createTenantConnection } from '../tenancy/tenant-connection';
import { describeTenant } from '../tenancy/tenant-status';
import { createHostScopes, limitToHost } from './host-scope';
import { createIdempotencyKey } from './idempotency/idempotency-key';
import { createTenantHostnames, hostnamesDeps } from './tenant-hostnames';
import type {
  EmailRouting,
  IdempotencyKey,
  LoaderCache,
  Registration,
  RequestContext,
  TenantPlan,
} from './context';

export interface IncomingRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** As the client named it, or its proxy where that is trusted; with or without a port. */
  readonly host?: string | undefined;
  readonly remoteAddress: string;
  readonly requestId: string;
  readonly signal: AbortSignal;
  readonly extendDeadline: (ms: number) => void;
}

/** What the plans of tenants allow. */
export interface TenantPlans {
  /** @throws RATE_LIMITED. */
  takeRequest(tenant: TenantRow): void;
  of(tenant: TenantRow | undefined): TenantPlan;
}

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

const single = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header[0] : header;

export function createContextFactory(deps: ContextDependencies) {
  const { config, tenancy, auth, passwords, registration, plans, logger } = deps;
  const cursors = createCursorCodec(config.cursorKey);
  const routingFor = createEmailRouting(tenancy, config.auth.emailIndexKey);
  const lookAtConnection = createTenantConnection(tenancy);
  const hashPassword = (password: string): Promise<string> => passwords.hash(password);

  const hostnamesOf = createTenantHostnames(hostnamesDeps(tenancy, config.http));
  const findHostScope = createHostScopes(config.http, tenancy);
  const leaseMs = requestDeadlineMs(config.pools.statementTimeoutMs) + GIVEN_UP_AFTER_MS;

  return async (request: IncomingRequest): Promise<RequestContext> => {
    const { headers, host, remoteAddress, requestId } = request;
    const hostScope = await findHostScope(host);
    const principal = await auth.authenticate(single(headers['authorization']));
    const tenant =
      principal === undefined ? undefined : await tenancy.directory.findTenant(principal.tenantId);
    // Before anything is said of the tenant: at another's host there is no such token.
    if (hostScope !== undefined && tenant !== undefined && tenant.slug !== hostScope.slug) {
      throw unauthenticated();
    }
    // Authentication believes its verdict on a session for a while; the tenant's status does not wait.
    if (principal !== undefined) refuseOutOfService(tenant);
    if (tenant !== undefined) plans.takeRequest(tenant);
    const loaders = createLoaderCache();
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
    return {
      requestId,
      principal,
      idempotencyKey,
      get session() {
        return session;
      },
      async enter(tenantId) {
        if (principal !== undefined && principal.tenantId !== tenantId) throw signedInElsewhere();
        if (principal !== undefined) return;
        const entered = await tenancy.directory.findTenant(tenantId);
        refuseOutOfService(entered);
        await session.end();
        loaders.clear();
        session = tenancy.openSession(entered, author);
        // How much of the user is asked for is not known here: more than one statement, one view.
        session.plan(2);
      },
      loaders,
      cursors,
      emailRouting: routingFor(principal?.tenantId),
      hostnames: hostnamesOf(principal),
      hashPassword,
      tenantConnection: async () => (tenant === undefined ? refuse() : lookAtConnection(tenant)),
      plan: plans.of(tenant),
      registration,
      auth: hostScope === undefined ? auth : limitToHost(auth, hostScope, tenancy.directory),
      remoteAddress,
      userAgent: single(headers['user-agent']) ?? '',
      consistencyToken: consistency.token,
      extendDeadline: request.extendDeadline,
      get signal() {
        return request.signal;
      },
      end: () => session.end(),
    };
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

function refuseOutOfService(tenant: TenantRow | undefined): asserts tenant is TenantRow {
  if (tenant === undefined) throw unauthenticated();
  const description = describeTenant(tenant);
  if (!maySignIn(description)) throw refusalOf(description) ?? unauthenticated();
}

export function createLoaderCache(): LoaderCache {
  const loaders = new Map<string, unknown>();
  return {
    get<T>(name: string, make: () => T): T {
      const known = loaders.get(name);
      if (known !== undefined) return known as T;
      const made = make();
      loaders.set(name, made);
      return made;
    },
    clear: () => loaders.clear(),
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

const signedInElsewhere = () =>
  badUserInput(
    'Expected a request without an access token: this one belongs to another organisation, whose data it shows.',
  );

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
  end: () => Promise.resolve(),
  cancel: () => undefined,
};
