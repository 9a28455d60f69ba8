import { openPlace } from '../../tenancy/move/place';
import type { TenantRow } from '../../tenancy/registry.store';
import type { Tenancy } from '../../tenancy/tenancy';
import { eraseTenantRows } from '../../tenancy/tenant-tables';
import { findImportRun } from './import-runs';
import { readManifest, verifyFiles } from './manifest';

/**
 * Makes room in a tenant for an export: removes its rows, and nothing if the import of that very export
 * is under way there. The export is looked at first, for without it the rows should stay.
 * @returns how many rows were removed. @throws ExportError, TENANT_UNAVAILABLE.
 */
export async function replaceTenantRows(
  { directory, registryDb }: Pick<Tenancy, 'directory' | 'registryDb'>,
  tenant: TenantRow,
  folder: string,
): Promise<number> {
  const { manifest, fingerprint } = await readManifest(folder);
  await verifyFiles(folder, manifest);
  const source = await directory.getDataSource(tenant);
  const place = await openPlace(source, tenant.tenantIdInDataSource);
  try {
    const run = await place.read((tx) => findImportRun(tx, fingerprint));
    if (run?.finished === false) return 0;
    let removed = 0;
    await eraseTenantRows({
      transaction: (work) => place.write(work),
      keepMarker: true,
      onTable: (_table, rows) => {
        removed += rows;
      },
    });
    // The import writes anew which addresses lead here.
    await registryDb('registry.email_index').where('tenant_id', tenant.id).delete();
    return removed;
  } finally {
    await place.close();
  }
}
