/** Tells the Postgres of shared data sources how large to take a tenant for; see `database/tenant-shares.ts`. */
import { stateTenantShares } from '../database/tenant-shares';
import { settleAll } from '../lib/settle-all';
import { parseDataSourceUrl } from './data-source-url';
import type { DataSourceRow } from './registry.store';
import { openMigrationUrl } from './secrets/data-source-urls';
import type { Tenancy } from './tenancy';

type Registered = Pick<Tenancy, 'registry' | 'secretBox' | 'addressGuard'>;

const AT_ONCE = 4;

/** @returns the tables it was said of; none where it was said before, or where the owner migrates. */
export async function tellTenantShares(
  { registry, secretBox, addressGuard }: Registered,
  dataSource: DataSourceRow,
): Promise<string[]> {
  if (dataSource.placement !== 'shared') return [];
  const ownerUrl = await openMigrationUrl(secretBox, dataSource);
  if (ownerUrl === undefined) return [];
  const owner = parseDataSourceUrl(ownerUrl, dataSource.placement, addressGuard);
  const tenants = await registry.countTenants();
  return stateTenantShares(owner, tenants.get(dataSource.id) ?? 0);
}

export interface SharesRound {
  /** Tables. */
  readonly told: number;
  /** Data sources, which are tried again next time. */
  readonly failed: number;
}

/** All of them: what has come to have many tenants since it was migrated is told between two releases. */
export async function tellAllTenantShares(
  tenancy: Registered,
  signal?: AbortSignal,
): Promise<SharesRound> {
  const settled = await settleAll(
    await tenancy.registry.listDataSources(),
    AT_ONCE,
    async (dataSource) => {
      signal?.throwIfAborted();
      return (await tellTenantShares(tenancy, dataSource)).length;
    },
  );
  signal?.throwIfAborted();
  const counts = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  return {
    told: counts.reduce((sum, count) => sum + count, 0),
    failed: settled.length - counts.length,
  };
}
