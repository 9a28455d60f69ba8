/** The context of one request to the tenants' API. */
import type { AuthService } from '../auth/auth.service';
import { maySignIn, refusalOf } from '../auth/ports';
import type { Principal } from '../auth/principal';
import type { CursorCodec } from '../database/cursors';
import { badUserInput, unauthenticated } from '../errors';
import type { Author } from '../tenancy/transaction-scope';
import type { TenantRow } from '../tenancy/registry.store';
import type { OperationSession } from '../tenancy/session.port';
import type { Tenancy } from '../tenancy/tenancy';
import type { TenantConnectionFacts } from '../tenancy/tenant-connection';
import { describeTenant } from '../tenancy/tenant-status';
import type {
  EmailRouting,
  IdempotencyKey,
  Registration,
  RequestContext,
  TenantHostnames,
  TenantPlan,
} from './context';
import { createLoaderCache } from './loader-cache';

export interface IncomingRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** As the client named it, or its proxy where that is trusted; with or without a port. */
  readonly host?: string | undefined;
  readonly remoteAddress: string;
  readonly requestId: string;
  readonly signal: AbortSignal;
  readonly extendDeadline: (ms: number) => void;
  /** Told who it is before a request is refused for how many there are: whose they are is to be seen. */
  readonly onPrincipal: (principal: Principal) => void;
}

/** What the plans of tenants allow. */
export interface TenantPlans {
  /** @throws RATE_LIMITED. */
  takeRequest(tenant: TenantRow): void;
  of(tenant: TenantRow | undefined): TenantPlan;
}

/** What is the same for all requests. */
export interface ContextParts {
  readonly tenancy: Pick<Tenancy, 'directory' | 'openSession'>;
  readonly plans: Pick<TenantPlans, 'of'>;
  readonly registration: Registration;
  readonly cursors: CursorCodec;
  readonly routingFor: (tenantId: string | undefined) => EmailRouting;
  readonly lookAtConnection: (tenant: TenantRow) => Promise<TenantConnectionFacts>;
  readonly hashPassword: (password: string) => Promise<string>;
  readonly hostnamesOf: (principal: Principal | undefined) => TenantHostnames;
}

/** What is known of one request. Its session is another once somebody has entered. */
export interface KnownOfRequest {
  readonly request: IncomingRequest;
  readonly principal: Principal | undefined;
  readonly tenant: TenantRow | undefined;
  readonly author: Author;
  readonly consistency: { readonly token: () => string | undefined };
  readonly auth: AuthService;
  readonly idempotencyKey: IdempotencyKey | undefined;
  session: OperationSession;
}

/**
 * A class, and what few requests ask for made when they do: each request makes one of these, and
 * Apollo copies its own properties once more.
 */
export class TenantContext implements RequestContext {
  readonly principal: Principal | undefined;
  readonly loaders = createLoaderCache();

  constructor(
    private readonly parts: ContextParts,
    private readonly known: KnownOfRequest,
  ) {
    this.principal = known.principal;
  }

  get requestId(): string {
    return this.known.request.requestId;
  }
  get session(): OperationSession {
    return this.known.session;
  }
  get idempotencyKey(): IdempotencyKey | undefined {
    return this.known.idempotencyKey;
  }
  get auth(): AuthService {
    return this.known.auth;
  }
  get cursors(): CursorCodec {
    return this.parts.cursors;
  }
  get registration(): Registration {
    return this.parts.registration;
  }
  get hashPassword(): RequestContext['hashPassword'] {
    return this.parts.hashPassword;
  }
  get emailRouting(): EmailRouting {
    return this.parts.routingFor(this.principal?.tenantId);
  }
  get hostnames(): TenantHostnames {
    return this.parts.hostnamesOf(this.principal);
  }
  get plan(): TenantPlan {
    return this.parts.plans.of(this.known.tenant);
  }
  get remoteAddress(): string {
    return this.known.request.remoteAddress;
  }
  get userAgent(): string {
    return single(this.known.request.headers['user-agent']) ?? '';
  }
  get extendDeadline(): RequestContext['extendDeadline'] {
    return this.known.request.extendDeadline;
  }
  get signal(): AbortSignal {
    return this.known.request.signal;
  }

  get tenantConnection(): RequestContext['tenantConnection'] {
    const { tenant } = this.known;
    return async () => {
      if (tenant === undefined) throw unauthenticated();
      return this.parts.lookAtConnection(tenant);
    };
  }

  async enter(tenantId: string): Promise<void> {
    const { tenancy } = this.parts;
    const { principal, known } = this;
    if (principal !== undefined && principal.tenantId !== tenantId) throw signedInElsewhere();
    if (principal !== undefined) return;
    const entered = await tenancy.directory.findTenant(tenantId);
    refuseOutOfService(entered);
    await known.session.end();
    this.loaders.clear();
    known.session = tenancy.openSession(entered, known.author);
    // How much of the user is asked for is not known here: more than one statement, one view.
    known.session.plan(2);
  }

  get consistencyToken(): () => string | undefined {
    return this.known.consistency.token;
  }

  end(): Promise<void> {
    return this.known.session.end();
  }
}

export const single = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header[0] : header;

export function refuseOutOfService(tenant: TenantRow | undefined): asserts tenant is TenantRow {
  if (tenant === undefined) throw unauthenticated();
  const description = describeTenant(tenant);
  if (!maySignIn(description)) throw refusalOf(description) ?? unauthenticated();
}

const signedInElsewhere = () =>
  badUserInput(
    'Expected a request without an access token: this one belongs to another organisation, whose data it shows.',
  );
