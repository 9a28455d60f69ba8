/** Takes back a registration, wherever it stood: nothing of it is left, and its slug is free. */
import { isAppError } from '../../errors';
import { actingAs } from '../../tenancy/acting-as';
import type { TenantRow } from '../../tenancy/registry.store';
import type { Tenancy } from '../../tenancy/tenancy';
import { eraseTenantRows } from '../../tenancy/tenant-tables';
import { openServer } from '../database-servers';
import { createProvisioningStore } from './provisioning.store';
import { ACTOR, databaseOf, dataSourceName, type Work } from './steps';
import { dropTenantDatabase } from './tenant-database';

/** Repeatable: what is gone is no error. */
export async function removeTenant(tenancy: Tenancy, work: Work): Promise<void> {
  const { row } = work;
  const tenant = await tenancy.registry.findTenant(row.tenantId);
  if (tenant?.status !== undefined && tenant.status !== 'provisioning') {
    throw new Error('A tenant that is in service was to be removed as a registration that failed.');
  }
  if (row.serverId !== null) {
    const { connection } = await openServer(tenancy, row.serverId);
    await dropTenantDatabase(connection, databaseOf(work));
  } else if (tenant?.tenantIdInDataSource === row.tenantId) {
    await eraseRows(tenancy, tenant);
  } // else it is called otherwise there because its data was there first: that is not ours to erase
  // Made for this tenant alone; a shared data source has another name and stays.
  const made = await tenancy.registry.findDataSourceByName(dataSourceName(row.tenantId));
  await actingAs(tenancy.registryDb, ACTOR, async (registry, trx) => {
    // First, for the tenant's deletion takes the reference to it away.
    await createProvisioningStore(trx).end(row, 'removed');
    await trx('registry.tenants').where({ id: row.tenantId, status: 'provisioning' }).delete();
    if (made === undefined) return;
    await trx('registry.data_sources').where('id', made.id).delete();
    await registry.announce(`pools:${made.id}`);
  });
}

async function eraseRows(tenancy: Tenancy, tenant: TenantRow): Promise<void> {
  if (tenant.dataSourceId === null) return;
  const session = tenancy.openSession(tenant);
  try {
    await eraseTenantRows({ transaction: (work) => session.transaction(work) });
  } catch (error) {
    // The data source does not know the tenant: there is nothing of it.
    if (!isAppError(error) || error.details['reason'] !== 'TENANT_ID_MISMATCH') throw error;
  } finally {
    await session.end();
  }
}
