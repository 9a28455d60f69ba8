/**
 * Makes every process look again, at one tenant or at everything: its registry row, its data source
 * and the connections to it. Changes of the registry announce themselves; this is for what the
 * registry cannot know of, such as a server that was moved behind the same name.
 */
import type { RegistryStore, TenantRow } from './registry.store';

export async function invalidateTenant(
  registry: Pick<RegistryStore, 'announce'>,
  tenant: Pick<TenantRow, 'id' | 'dataSourceId'>,
): Promise<void> {
  await registry.announce(`tenants:${tenant.id}`);
  if (tenant.dataSourceId === null) return;
  await registry.announce(`data_sources:${tenant.dataSourceId}`);
  await registry.announce(`pools:${tenant.dataSourceId}`);
}

export const invalidateEverything = (registry: Pick<RegistryStore, 'announce'>): Promise<void> =>
  registry.announce('all');
