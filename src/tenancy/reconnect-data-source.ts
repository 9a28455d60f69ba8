/**
 * Gives a data source another address or password: a pooler before it, a new host, a rotated secret.
 * The database must be the same; what leads elsewhere is refused, and nothing is changed.
 */
import { withClient } from '../database/with-client';
import { SECOND } from '../lib/duration';
import { registryAs } from './acting-as';
import {
  carriesNames,
  DataSourceRefused,
  look,
  reached,
  refuseUnfitSchema,
  refuseUnsafeRole,
} from './add-data-source';
import { styleFaultOf } from './data-source-check';
import { parseDataSourceUrl } from './data-source-url';
import { enrolDataSource } from './provision';
import type { DataSourceRow } from './registry.store';
import type { Tenancy } from './tenancy';
import { statingTenant } from './transaction-scope';

export interface Reconnection {
  /** Connects as the run-time role. */
  readonly url: string;
  /** Connects as the owner; without it, it stays what it is. */
  readonly migrationUrl?: string;
  /** As whom the audit log names it. */
  readonly actor: string;
}

const WITHIN_MS = 5 * SECOND;

/**
 * @returns whether its connections carry prepared statements.
 * @throws DataSourceRefused, ConnectionUrlError, TENANT_UNAVAILABLE when it does not answer.
 */
export async function reconnectDataSource(
  tenancy: Pick<Tenancy, 'registry' | 'registryDb' | 'secretBox' | 'addressGuard'>,
  dataSource: DataSourceRow,
  { url, migrationUrl, actor }: Reconnection,
): Promise<boolean> {
  const { name, placement } = dataSource;
  const app = parseDataSourceUrl(url, placement, tenancy.addressGuard);
  const findings = await look(app);
  refuseUnsafeRole(findings);
  refuseUnfitSchema(findings, false);
  const styleFault = styleFaultOf(findings, dataSource);
  if (styleFault !== undefined) {
    throw new DataSourceRefused(
      `${styleFault}: \`cloister sources style ${name} distributed\` first.`,
    );
  }
  const strangers = await findStrangers(tenancy, dataSource, app);
  if (strangers.length > 0) {
    throw new DataSourceRefused(
      `Expected the database of "${name}", but it does not know ${strangers.slice(0, 3).join(', ')}: the URL leads to another one.`,
    );
  }
  const namedStatements = await carriesNames(app);
  const registry = registryAs(tenancy.registryDb, actor);
  await enrolDataSource(
    { ...tenancy, registry },
    { name, placement, url, namedStatements, ...(migrationUrl && { migrationUrl }) },
  );
  return namedStatements;
}

/** Slugs of tenants that the registry has there and the database does not know. */
async function findStrangers(
  { registry }: Pick<Tenancy, 'registry'>,
  { id, sessionStyle }: DataSourceRow,
  app: ReturnType<typeof parseDataSourceUrl>,
): Promise<string[]> {
  const tenants = await registry.listTenants({ dataSourceId: id, limit: LOOKED_AT });
  return reached(
    withClient(app, { applicationName: 'cloister-enrol', withinMs: WITHIN_MS }, async (client) => {
      const strangers: string[] = [];
      for (const { slug, tenantIdInDataSource: local } of tenants) {
        await client.query('begin read only');
        for (const command of statingTenant(local, sessionStyle)) await client.query(command);
        const found = await client.query('select from cloister.tenants where tenant_id = $1', [
          local,
        ]);
        await client.query('commit');
        if (found.rowCount === 0) strangers.push(slug);
      }
      return strangers;
    }),
  );
}

/** Another database would not know even the first. */
const LOOKED_AT = 20;
