/** Makes the context of one request: who sends it, in which tenant, with which session. */
import type { AuthService } from '../auth/auth.service';
import { createEmailIndexKeyOf, normalizeEmail } from '../auth/email-address';
import type { Passwords } from '../auth/passwords';
import type { Config } from '../config';
import { createCursorCodec } from '../database/cursors';
import { badUserInput, unauthenticated } from '../errors';
import type { OperationSession } from '../tenancy/session.port';
import type { Tenancy } from '../tenancy/tenancy';
import { createTenantConnection } from '../tenancy/tenant-connection';
import type { EmailRouting, LoaderCache, RequestContext } from './context';

export interface IncomingRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly remoteAddress: string;
  readonly requestId: string;
  readonly signal: AbortSignal;
}

export interface ContextDependencies {
  readonly config: Config;
  readonly tenancy: Tenancy;
  readonly auth: AuthService;
  readonly passwords: Passwords;
}

const single = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header[0] : header;

export function createContextFactory({ config, tenancy, auth, passwords }: ContextDependencies) {
  const cursors = createCursorCodec(config.cursorKey);
  const routingFor = createEmailRouting(tenancy, config.auth.emailIndexKey);
  const lookAtConnection = createTenantConnection(tenancy);
  const hashPassword = (password: string): Promise<string> => passwords.hash(password);

  return async ({
    headers,
    remoteAddress,
    requestId,
    signal,
  }: IncomingRequest): Promise<RequestContext> => {
    const principal = await auth.authenticate(single(headers['authorization']));
    const tenant =
      principal === undefined ? undefined : await tenancy.directory.findTenant(principal.tenantId);
    if (principal !== undefined && tenant === undefined) throw unauthenticated();
    const loaders = createLoaderCache();
    let session = tenant === undefined ? anonymousSession : tenancy.openSession(tenant);
    return {
      requestId,
      principal,
      get session() {
        return session;
      },
      async enter(tenantId) {
        if (principal !== undefined && principal.tenantId !== tenantId) throw signedInElsewhere();
        if (principal !== undefined) return;
        const entered = await tenancy.directory.findTenant(tenantId);
        if (entered === undefined) throw unauthenticated();
        await session.end();
        loaders.clear();
        session = tenancy.openSession(entered);
        // How much of the user is asked for is not known here: more than one statement, one view.
        session.plan(2);
      },
      loaders,
      cursors,
      emailRouting: routingFor(principal?.tenantId),
      hashPassword,
      tenantConnection: async () => (tenant === undefined ? refuse() : lookAtConnection(tenant)),
      auth,
      remoteAddress,
      userAgent: single(headers['user-agent']) ?? '',
      signal,
      end: () => session.end(),
    };
  };
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
