/**
 * Enrols data sources and tenants: what is secret is sealed before it is stored. Each step may be
 * repeated; what is there already is left as it is.
 */
import { uuidv7 } from 'uuidv7';
import { formatConnectionUrl, parseConnectionUrl } from '../database/connection-url';
import { parseDataSourceUrl } from './data-source-url';
import {
  migrateDatabase,
  type MigrateOptions,
  type MigrateResult,
} from '../database/migrate-database';
import type { DataSourceRow, Placement } from './registry.store';
import {
  openMigrationUrl,
  openUrl,
  sealDataSourceUrl,
  type SealedUrlColumn,
} from './secrets/data-source-urls';
import { tellTenantShares } from './tell-tenant-shares';
import type { Tenancy } from './tenancy';
import { statingTenant, type SessionStyle } from './transaction-scope';

type Registered = Pick<Tenancy, 'registry' | 'secretBox' | 'addressGuard'>;

export interface DataSourceSpec {
  readonly name: string;
  readonly placement: Placement;
  /** Connects as the run-time role. */
  readonly url: string;
  /** Connects as the owner, for migrations; absent where the customer runs them. */
  readonly migrationUrl?: string;
  readonly poolMax?: number;
  /** How a session states its tenant; distributed is for Citus, and works elsewhere too. */
  readonly sessionStyle?: SessionStyle;
  /** False behind poolers that cannot carry prepared statements. */
  readonly namedStatements?: boolean;
}

/** @throws ConnectionUrlError, AddressRefused when a URL is not one we take. @returns the data source's id. */
export async function enrolDataSource(
  { registry, secretBox, addressGuard }: Registered,
  spec: DataSourceSpec,
): Promise<string> {
  const known = await registry.findDataSourceByName(spec.name);
  const id = known?.id ?? uuidv7();
  const sealUrl = (url: string, column: SealedUrlColumn): Promise<string> => {
    const settings = parseDataSourceUrl(url, spec.placement, addressGuard);
    settings.guard?.assertHost(settings.host);
    return sealDataSourceUrl(secretBox, id, column, formatConnectionUrl(settings));
  };
  const row = {
    urlSealed: await sealUrl(spec.url, 'url_sealed'),
    ...(spec.migrationUrl === undefined
      ? {}
      : { migrationUrlSealed: await sealUrl(spec.migrationUrl, 'migration_url_sealed') }),
    ...(spec.poolMax === undefined ? {} : { poolMax: spec.poolMax }),
    ...(spec.sessionStyle === undefined ? {} : { sessionStyle: spec.sessionStyle }),
    ...(spec.namedStatements === undefined ? {} : { namedStatements: spec.namedStatements }),
  };
  if (known === undefined) {
    await registry.insertDataSource({ id, name: spec.name, placement: spec.placement, ...row });
  } else {
    await registry.updateDataSource(id, row);
  }
  return id;
}

/**
 * Runs the tenant migrations of a data source with its owner's credentials and records the version. What
 * Postgres is to think of its tenants follows from how many there are by now.
 */
export async function migrateDataSource(
  deps: Registered,
  dataSource: DataSourceRow,
  options: Omit<MigrateOptions, 'appRole'> = {},
): Promise<MigrateResult> {
  const { registry, secretBox, addressGuard } = deps;
  const appRole = parseConnectionUrl(await openUrl(secretBox, dataSource)).user;
  const ownerUrl = await openMigrationUrl(secretBox, dataSource);
  if (ownerUrl === undefined) {
    throw new Error(
      `The data source "${dataSource.name}" has no migration URL: its owner runs the migrations, or gives one.`,
    );
  }
  const owner = parseDataSourceUrl(ownerUrl, dataSource.placement, addressGuard);
  const result = await migrateDatabase(owner, 'tenant', { ...options, appRole });
  if (options.rehearse === true) return result;
  if (dataSource.schemaVersion !== result.version) {
    await registry.updateDataSource(dataSource.id, { schemaVersion: result.version });
  }
  if (options.upTo === undefined) await tellTenantShares(deps, dataSource);
  return result;
}

export interface TenantSpec {
  readonly slug: string;
  readonly name: string;
  readonly dataSourceId: string;
  /** What the tenant is called in the data source; the same as its id unless the database was there first. */
  readonly tenantIdInDataSource?: string;
}

/** Registers a tenant and makes it known in its data source. @returns the tenant's id. */
export async function enrolTenant(tenancy: Tenancy, spec: TenantSpec): Promise<string> {
  const { registry } = tenancy;
  if ((await registry.findTenantBySlug(spec.slug)) === undefined) {
    const id = uuidv7();
    await registry.insertTenant({
      id,
      slug: spec.slug,
      name: spec.name,
      dataSourceId: spec.dataSourceId,
      tenantIdInDataSource: spec.tenantIdInDataSource ?? id,
    });
  }
  const tenant = await registry.findTenantBySlug(spec.slug);
  if (tenant === undefined)
    throw new Error(`The tenant "${spec.slug}" was registered but is not found.`);
  const dataSource = await tenancy.directory.getDataSource(tenant);
  const lease = await tenancy.pools.lease(dataSource);
  try {
    // Before there is a row the session's own check would refuse the tenant: state it by hand.
    await lease.client.query('begin');
    for (const command of statingTenant(tenant.tenantIdInDataSource, dataSource.sessionStyle)) {
      await lease.client.query(command);
    }
    await lease.client.query(
      'insert into cloister.tenants (tenant_id, slug, name) values ($1, $2, $3) on conflict do nothing',
      [tenant.tenantIdInDataSource, tenant.slug, tenant.name],
    );
    await lease.client.query('commit');
    lease.release();
  } catch (error) {
    lease.release({ broken: true });
    throw error;
  }
  return tenant.id;
}
