/** What authentication needs of tenancy, behind authentication's own ports. */
import type { EmailIndex, TenantAccess } from '../auth/ports';
import { tenantUnavailable, unauthenticated } from '../errors';
import type { Tenancy } from '../tenancy/tenancy';
import type { OperationSession } from '../tenancy/session.port';

export function createTenantAccess(
  tenancy: Pick<Tenancy, 'directory' | 'openSession'>,
): TenantAccess {
  const open = async (tenantId: string): Promise<OperationSession> => {
    const tenant = await tenancy.directory.findTenant(tenantId);
    if (tenant === undefined) throw unauthenticated();
    return tenancy.openSession(tenant);
  };
  return {
    describe: (tenantId) => tenancy.directory.findTenant(tenantId),
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
