/** The signed-in tenant's host names, behind the port of `context.ts`. */
import type { Principal } from '../auth/principal';
import type { Config } from '../config';
import { unauthenticated } from '../errors';
import {
  addHostname,
  listHostnames,
  proofOf,
  removeHostname,
  verifyHostname,
  type HostnamesDeps,
} from '../tenancy/routes/hostnames';
import type { HostnameRow } from '../tenancy/routes/routes.store';
import type { Tenancy } from '../tenancy/tenancy';
import type { TenantHostname, TenantHostnames } from './context';

/** Names that are the server's own and so nobody's to claim. */
export const reservedHostnames = ({
  publicDomain,
  publicHosts,
}: Pick<Config['http'], 'publicDomain' | 'publicHosts'>): string[] => [
  ...publicHosts,
  ...(publicDomain === undefined ? [] : [publicDomain]),
];

export const hostnamesDeps = (
  { registryDb, resolveTxt }: Pick<Tenancy, 'registryDb' | 'resolveTxt'>,
  http: Config['http'],
): HostnamesDeps => ({ registryDb, resolveTxt, reserved: reservedHostnames(http) });

const shown = (row: HostnameRow): TenantHostname => {
  const { hostname, verifiedAt, createdAt } = row;
  return { hostname, verifiedAt, createdAt, ...proofOf(row) };
};

export function createTenantHostnames(deps: HostnamesDeps) {
  return (principal: Principal | undefined): TenantHostnames => {
    const owner = (): { readonly tenantId: string; readonly actor: string } => {
      if (principal === undefined) throw unauthenticated();
      return { tenantId: principal.tenantId, actor: `user:${principal.userId}` };
    };
    return {
      async list() {
        return (await listHostnames(deps, owner().tenantId)).map(shown);
      },
      async add(hostname) {
        const { tenantId, actor } = owner();
        return shown(await addHostname(deps, { tenantId, hostname }, actor));
      },
      async verify(hostname) {
        const { tenantId, actor } = owner();
        return shown(await verifyHostname(deps, { tenantId, hostname }, actor));
      },
      async remove(hostname) {
        const { tenantId, actor } = owner();
        await removeHostname(deps, { tenantId, hostname }, actor);
      },
    };
  };
}
