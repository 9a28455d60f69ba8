/**
 * Takes a database into service: looks at it, brings its schema up, and enrols it only when it is
 * safe to serve from. What is refused leaves no row behind.
 */
import { TENANT_UNAVAILABLE_REMEDIES, tenantUnavailable } from '../errors';
import { SECOND } from '../lib/duration';
import { AddressRefused } from '../database/address-guard';
import type { ConnectionSettings } from '../database/connection-url';
import { migrateDatabase, MigrationError, type MigrateOptions } from '../database/migrate-database';
import { internalsOf } from '../database/pg-internals';
import { withClient } from '../database/with-client';
import { findDataSourceFindings, styleFaultOf, type DataSourceFindings } from './data-source-check';
import { parseDataSourceUrl } from './data-source-url';
import { carriesNamedStatements } from './preflight/named-statements';
import { enrolDataSource, type DataSourceSpec } from './provision';
import type { Tenancy } from './tenancy';
import type { SessionStyle } from './transaction-scope';

export interface NewDataSourceSpec extends DataSourceSpec {
  readonly region?: string;
}

/** The database cannot serve as a data source. The message says what to change. */
export class DataSourceRefused extends Error {
  override readonly name = 'DataSourceRefused';
}

const NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;
const INSUFFICIENT_PRIVILEGE = '42501';
const WITHIN_MS = 5 * SECOND;

/**
 * @returns the data source's id.
 * @throws DataSourceRefused, ConnectionUrlError, MigrationError, TENANT_UNAVAILABLE when the database
 * does not answer.
 */
export async function addDataSource(
  tenancy: Pick<Tenancy, 'registry' | 'secretBox' | 'addressGuard'>,
  spec: NewDataSourceSpec,
  onProgress?: MigrateOptions['onProgress'],
): Promise<string> {
  if (!NAME.test(spec.name)) {
    throw new DataSourceRefused(
      'Expected a name of lower-case letters, digits, _ and -, beginning with a letter or digit, of at most 63.',
    );
  }
  if ((await tenancy.registry.findDataSourceByName(spec.name)) !== undefined) {
    throw new DataSourceRefused(
      `There is a data source "${spec.name}" already: \`cloister sources list\` shows all of them.`,
    );
  }
  const app = parseDataSourceUrl(spec.url, spec.placement, tenancy.addressGuard);
  // Before anything is changed there; once more after it, for only then is there something to own.
  refuseUnsafeRole(await look(app));
  if (spec.migrationUrl !== undefined) {
    const owner = parseDataSourceUrl(spec.migrationUrl, spec.placement, tenancy.addressGuard);
    await reached(
      migrateDatabase(owner, 'tenant', {
        appRole: app.user,
        ...(onProgress === undefined ? {} : { onProgress }),
      }),
    );
  }
  const findings = await look(app);
  refuseUnsafeRole(findings);
  refuseUnfitSchema(findings, spec.migrationUrl !== undefined);
  const style = styleOf(spec, findings);
  const namedStatements = spec.namedStatements ?? (await carriesNames(app));
  const id = await enrolDataSource(tenancy, { ...spec, sessionStyle: style, namedStatements });
  await tenancy.registry.updateDataSource(id, {
    schemaVersion: findings.schemaVersion,
    ...(spec.region === undefined ? {} : { region: spec.region }),
  });
  return id;
}

/** As it was asked for, or as the database needs it. */
function styleOf({ sessionStyle }: NewDataSourceSpec, findings: DataSourceFindings): SessionStyle {
  const fault = styleFaultOf(findings, { sessionStyle: sessionStyle ?? 'distributed' });
  if (fault !== undefined) {
    throw new DataSourceRefused(
      'The tables are distributed over several servers, where a tenant that is stated in the direct style has no rows: ' +
        'leave --session-style out, or say distributed.',
    );
  }
  return sessionStyle ?? (findings.distributed ? 'distributed' : 'direct');
}

/** Whoever hands out process ids of its own is a pooler, and may not carry prepared statements. */
export async function carriesNames(app: ConnectionSettings): Promise<boolean> {
  const isPooler = await reached(
    withClient(app, { applicationName: 'cloister-enrol', withinMs: WITHIN_MS }, async (client) => {
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
      return internalsOf(client).processID !== rows[0]?.pid;
    }),
  );
  return !isPooler || (await carriesNamedStatements(app)) === true;
}

export const look = (connection: ConnectionSettings): Promise<DataSourceFindings> =>
  reached(
    withClient(
      connection,
      { applicationName: 'cloister-enrol', withinMs: WITHIN_MS },
      findDataSourceFindings,
    ),
  );

export async function reached<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof MigrationError) throw error;
    if ((error as { readonly code?: unknown }).code === INSUFFICIENT_PRIVILEGE) {
      throw new DataSourceRefused(
        'A role lacks a privilege there. The run-time role needs `grant usage on schema cloister` and `grant select, ' +
          'insert, update, delete on all tables in schema cloister`; the owner needs `grant create on database`.',
      );
    }
    const refused = error instanceof AddressRefused;
    throw tenantUnavailable(refused ? 'ADDRESS_REFUSED' : 'DATA_SOURCE_UNREACHABLE', error);
  }
}

export function refuseUnsafeRole({ role, roleIsSafe, roleFaults }: DataSourceFindings): void {
  if (roleIsSafe) return;
  throw new DataSourceRefused(
    `The role ${role} of the URL is unsafe (${roleFaults.join(', ')}). ${TENANT_UNAVAILABLE_REMEDIES.UNSAFE_ROLE}`,
  );
}

export function refuseUnfitSchema(findings: DataSourceFindings, migrated: boolean): void {
  const { schemaVersion, expectedSchemaVersion, unguardedTables } = findings;
  if (unguardedTables.length > 0) {
    throw new DataSourceRefused(
      `Unguarded: ${unguardedTables.join(', ')}. ${TENANT_UNAVAILABLE_REMEDIES.UNGUARDED_TABLES}`,
    );
  }
  if (schemaVersion === expectedSchemaVersion) return;
  throw new DataSourceRefused(
    migrated
      ? 'The migrations were run, but the URL of the run-time role does not lead to the same database: correct one of the two.'
      : `Expected the schema ${expectedSchemaVersion}, but found ${schemaVersion ?? 'none'}: give the owner's URL as well, ` +
          'or let the owner run `KNEX_URL=… npx knex --env tenant migrate:latest` and grant the run-time role its tables.',
  );
}
