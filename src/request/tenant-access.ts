/** What authentication needs of tenancy, behind authentication's own ports. */
import type { EmailIndex, TenantAccess, TenantSecrets } from '../auth/ports';
import { tenantUnavailable, unauthenticated } from '../errors';
import type { Tenancy } from '../tenancy/tenancy';
import type { OperationSession } from '../tenancy/session.port';
import { describeTenant } from '../tenancy/tenant-status';

export function createTenantAccess(
  tenancy: Pick<Tenancy, 'directory' | 'openSession'>,
): TenantAccess {
  const open = async (tenantId: string): Promise<OperationSession> => {
    const tenant = await tenancy.directory.findTenant(tenantId);
    if (tenant === undefined) throw unauthenticated();
    return tenancy.openSession(tenant);
  };
  return {
    describe: async (tenantId) => {
      const tenant = await tenancy.directory.findTenant(tenantId);
      return tenant === undefined ? undefined : describeTenant(tenant);
    },
    run: async (tenantId, work) => work(await open(tenantId)),
    transaction: async (tenantId, work) => (await open(tenantId)).transaction(work),
  };
}

export const createEmailIndex = ({ registry }: Pick<Tenancy, 'registry'>): EmailIndex => ({
  async findTenantIds(emailIndexKey) {
    try {
      return await registry.findTenantIdsByEmail(emailIndexKey);
    } catch (error) {
      throw tenantUnavailable('REGISTRY_UNREACHABLE', error);
    }
  },
});

export const createTenantSecrets = ({ secretBox }: Pick<Tenancy, 'secretBox'>): TenantSecrets => ({
  seal: (tenantId, place, text) => secretBox.seal({ kind: 'tenant', id: tenantId }, place, text),
  open: (tenantId, place, sealed) =>
    secretBox.open({ kind: 'tenant', id: tenantId }, place, sealed),
});
