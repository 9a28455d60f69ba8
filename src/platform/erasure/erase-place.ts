/** Removes a tenant from one data source, or the database with it, and looks whether anything is left. */
import { parseConnectionUrl } from '../../database/connection-url';
import { openPlace } from '../../tenancy/move/place';
import type { DataSourceRow, TenantRow } from '../../tenancy/registry.store';
import { openMigrationUrl, openUrl } from '../../tenancy/secrets/data-source-urls';
import type { Tenancy } from '../../tenancy/tenancy';
import { eraseTenantRows } from '../../tenancy/tenant-tables';
import { openServer } from '../database-servers';
import { dropTenantDatabase, withAdmin } from '../provisioning/tenant-database';
import { countTenantRows } from '../tenant-report';
import type { ErasedPlace } from './erasures.store';

export type OnRemoved = (table: string, rows: number) => Promise<void>;

/** Somebody who had not heard that the tenant is closed may have written while rows were removed. */
const ROUNDS = 3;

/** @param localTenantId what the tenant is called there. */
export async function eraseRows(
  { directory }: Pick<Tenancy, 'directory'>,
  tenant: TenantRow,
  { name, placement, id }: DataSourceRow,
  localTenantId: string,
  onRemoved: OnRemoved,
): Promise<ErasedPlace> {
  const there = { ...tenant, dataSourceId: id };
  const place = await openPlace(await directory.getDataSource(there), localTenantId);
  try {
    for (let round = 1; ; round += 1) {
      const told: Promise<void>[] = [];
      await eraseTenantRows({
        transaction: (work) => place.write(work),
        onTable: (table, rows) => {
          if (rows > 0) told.push(onRemoved(table, rows));
        },
      });
      await Promise.all(told);
      const left = await place.read(countTenantRows);
      const filled = left.filter(({ rows }) => rows > 0);
      const tablesLookedAt = left.length;
      if (filled.length === 0) {
        return { dataSource: name, placement, outcome: 'rows removed, none left', tablesLookedAt };
      }
      if (round === ROUNDS) {
        throw new Error(
          `Rows of the tenant come back in ${filled.map(({ table }) => table).join(', ')}: something still writes to it. Stop it and erase again.`,
        );
      }
    }
  } finally {
    await place.close();
  }
}

/** The database was made for this tenant on a server of ours: it goes as a whole, with its roles. */
export async function dropPlace(
  tenancy: Tenancy,
  tenant: TenantRow,
  dataSource: DataSourceRow,
  serverId: string,
  onRemoved: OnRemoved,
): Promise<ErasedPlace> {
  const { secretBox } = tenancy;
  const { connection } = await openServer(tenancy, serverId);
  const app = parseConnectionUrl(await openUrl(secretBox, dataSource));
  const owner = await openMigrationUrl(secretBox, dataSource);
  if (owner === undefined) throw new Error('A database of ours has an owner whose URL is known.');
  const isThere = await withAdmin(connection, async (admin) => {
    const found = await admin.query('select from pg_database where datname = $1', [app.database]);
    return (found.rowCount ?? 0) > 0;
  });
  let tablesLookedAt = 0;
  // Gone already where an erasure was interrupted after this.
  if (isThere) {
    const place = await openPlace(
      await tenancy.directory.getDataSource({ ...tenant, dataSourceId: dataSource.id }),
      tenant.tenantIdInDataSource,
    );
    const counted = await place.read(countTenantRows).finally(() => place.close());
    tablesLookedAt = counted.length;
    for (const { table, rows } of counted) if (rows > 0) await onRemoved(table, rows);
  }
  const role = (name: string) => ({ name, password: '' });
  await dropTenantDatabase(connection, {
    database: app.database,
    owner: role(parseConnectionUrl(owner).user),
    app: role(app.user),
  });
  const { name, placement } = dataSource;
  return { dataSource: name, placement, outcome: 'database dropped', tablesLookedAt };
}
