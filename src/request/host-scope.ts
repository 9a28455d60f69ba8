/**
 * What the host of a request says of its tenant. A tenant's own host serves that tenant alone: who
 * signs in there signs in to it, and a token of another tenant is none.
 *
 * The header is the client's to choose (or its proxy's, see TRUST_PROXY): it can narrow what a
 * request may do and never widens it, for the tenant of a request is that of its token.
 */
import { isIP } from 'node:net';
import type { AuthService } from '../auth/auth.service';
import { parseRefreshToken } from '../auth/refresh-tokens';
import type { Config } from '../config';
import { AppError, unauthenticated } from '../errors';
import { hostnameOf, isBeneath } from '../tenancy/routes/hostname';
import type { Tenancy } from '../tenancy/tenancy';

/** The tenant that a host belongs to, by its slug; undefined when it belongs to none and never will. */
export interface HostScope {
  readonly slug: string | undefined;
}

/**
 * @returns undefined for a host that serves all tenants; at once where nobody has to be asked.
 * @throws BAD_REQUEST for one that serves nobody.
 */
export type FindHostScope = (
  host: string | undefined,
) => Promise<HostScope | undefined> | HostScope | undefined;

const SLUG = /^[a-z0-9][a-z0-9-]{0,62}$/;

export function createHostScopes(
  { publicDomain, publicHosts }: Pick<Config['http'], 'publicDomain' | 'publicHosts'>,
  { routes, directory }: Pick<Tenancy, 'routes' | 'directory'>,
): FindHostScope {
  const forAll = new Set([...publicHosts, ...(publicDomain === undefined ? [] : [publicDomain])]);
  const findTenantOf = async (hostname: string): Promise<HostScope | undefined> => {
    const tenantId = await routes.findTenantIdByHostname(hostname);
    if (tenantId === undefined) return ofNobody();
    return { slug: (await directory.findTenant(tenantId))?.slug };
  };
  return (header) => {
    const hostname = hostnameOf(header ?? '');
    if (forAll.has(hostname)) return undefined;
    if (publicDomain !== undefined && isBeneath(hostname, publicDomain)) {
      const label = hostname.slice(0, -publicDomain.length - 1);
      return { slug: SLUG.test(label) ? label : undefined };
    }
    return mayBeCustom(hostname) ? findTenantOf(hostname) : ofNobody();
  };

  function ofNobody(): undefined {
    if (publicHosts.length === 0) return undefined;
    throw new AppError(
      'BAD_REQUEST',
      'Nobody is served at this host: correct the address, or have the host name verified.',
    );
  }
}

/** An address and a name without a domain are never claimed: they need no look. */
const mayBeCustom = (hostname: string): boolean => hostname.includes('.') && isIP(hostname) === 0;

/** Signing in and staying in, at a tenant's own host. The rest is the same everywhere. */
export function limitToHost(
  auth: AuthService,
  { slug }: HostScope,
  { findTenant }: Pick<Tenancy['directory'], 'findTenant'>,
): AuthService {
  return {
    ...auth,
    login(input) {
      const { tenantSlug = slug } = input;
      // A slug that is nobody's is refused as any wrong log-in is, at the same cost.
      const meant = tenantSlug === slug ? slug : undefined;
      return auth.login({ ...input, tenantSlug: meant ?? '' });
    },
    async refresh(token, client) {
      // Before it is used up.
      const presented = parseRefreshToken(token);
      if (presented === undefined) throw unauthenticated();
      const tenant = await findTenant(presented.tenantId);
      if (tenant === undefined || tenant.slug !== slug) throw unauthenticated();
      return auth.refresh(token, client);
    },
  };
}
