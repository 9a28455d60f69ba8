/**
 * Brings the registry, or one data source, to this version's schema, and says in words how it went.
 * Many data sources are the business of `fleet-run.ts`.
 */
import { DatabaseError } from 'pg';
import { isAppError, TENANT_UNAVAILABLE_REMEDIES } from '../errors';
import type { Config } from '../config';
import { AddressRefused } from '../database/address-guard';
import { describeConnectionFault } from '../database/connection-fault';
import { ConnectionUrlError, parseConnectionUrl } from '../database/connection-url';
import {
  migrateDatabase,
  MigrationError,
  type MigrateOptions,
  type MigrateResult,
} from '../database/migrate-database';
import { isConnectionLoss } from '../database/postgres-errors';
import {
  findSchemaState,
  isCurrent,
  newerThanCode,
  type SchemaState,
} from '../database/schema-state';
import { parseDataSourceUrl } from './data-source-url';
import { migrateDataSource } from './provision';
import type { DataSourceRow } from './registry.store';
import { openMigrationUrl, openUrl } from './secrets/data-source-urls';
import { EnvelopeError } from './secrets/envelope';
import { KeyProviderError } from './secrets/key-provider';
import type { Tenancy } from './tenancy';

export interface MigrationOutcome {
  /** `registry`, or the data source's name. */
  readonly name: string;
  readonly state: 'current' | 'migrated' | 'behind' | 'failed';
  readonly version: string | null;
  readonly applied: readonly string[];
  /** What keeps it from being current. */
  readonly fault: { readonly detail: string; readonly remedy: string } | null;
}

export interface MigrateOneOptions extends Omit<
  MigrateOptions,
  'appRole' | 'onProgress' | 'onLockWait'
> {
  readonly onProgress?: (name: string, migration: string, done: number, total: number) => void;
  readonly onLockWait?: (
    name: string,
    migration: string,
    attempt: number,
    attempts: number,
  ) => void;
}

type Parts = Pick<Tenancy, 'registry' | 'secretBox' | 'addressGuard'>;

/** Never throws. */
export async function lookAtRegistry(config: Config): Promise<MigrationOutcome> {
  return outcomeOrFault(REGISTRY, async () => {
    const connection = parseConnectionUrl(config.registry.migrationUrl);
    return outcomeOf(REGISTRY, await findSchemaState(connection, 'registry'));
  });
}

/** Never throws. */
export async function migrateRegistry(
  config: Config,
  options: MigrateOneOptions = {},
): Promise<MigrationOutcome> {
  return outcomeOrFault(REGISTRY, async () => {
    const connection = parseConnectionUrl(config.registry.migrationUrl);
    const appRole = parseConnectionUrl(config.registry.url).user;
    const told = named(REGISTRY, options);
    return migrated(REGISTRY, await migrateDatabase(connection, 'registry', { ...told, appRole }));
  });
}

/** Never throws. The registry must be current. */
export async function lookAtDataSource(
  tenancy: Parts,
  dataSource: DataSourceRow,
): Promise<MigrationOutcome> {
  return outcomeOrFault(dataSource.name, () => lookAt(tenancy, dataSource));
}

/** Never throws, but for an abort between two migrations. The registry must be current. */
export async function migrateOne(
  tenancy: Parts,
  dataSource: DataSourceRow,
  options: MigrateOneOptions = {},
): Promise<MigrationOutcome> {
  const { name } = dataSource;
  const outcome = await outcomeOrFault(
    name,
    async () =>
      dataSource.migrationUrlSealed === null
        ? recordVersion(tenancy, dataSource, await lookAt(tenancy, dataSource))
        : migrated(name, await migrateDataSource(tenancy, dataSource, named(name, options))),
    options.signal,
  );
  if (outcome.state !== 'failed' || outcome.version !== null) return outcome;
  // What came before the migration that failed is done.
  const { version } = await lookAtDataSource(tenancy, dataSource);
  return { ...outcome, version };
}

/** Its owner migrates it: what is left to us is to see whether they did. */
async function recordVersion(
  { registry }: Parts,
  { id, schemaVersion }: DataSourceRow,
  outcome: MigrationOutcome,
): Promise<MigrationOutcome> {
  const { version } = outcome;
  if (version !== schemaVersion) await registry.updateDataSource(id, { schemaVersion: version });
  return outcome;
}

const REGISTRY = 'registry';

const migrated = (name: string, { applied, version }: MigrateResult): MigrationOutcome => ({
  name,
  state: applied.length === 0 ? 'current' : 'migrated',
  version,
  applied,
  fault: null,
});

/** What the migrations of one database report, under its name. */
function named(
  name: string,
  { onProgress, onLockWait, ...options }: MigrateOneOptions,
): Omit<MigrateOptions, 'appRole'> {
  return {
    ...options,
    ...(onProgress && {
      onProgress: (migration, done, total) => onProgress(name, migration, done, total),
    }),
    ...(onLockWait && {
      onLockWait: (migration, attempt, attempts) => onLockWait(name, migration, attempt, attempts),
    }),
  };
}

async function outcomeOrFault(
  name: string,
  work: () => Promise<MigrationOutcome>,
  signal?: AbortSignal,
): Promise<MigrationOutcome> {
  try {
    return await work();
  } catch (error) {
    if (signal?.aborted === true && error === signal.reason) throw error;
    const { REGISTRY_UNREACHABLE, DATA_SOURCE_UNREACHABLE } = TENANT_UNAVAILABLE_REMEDIES;
    return failed(name, error, name === REGISTRY ? REGISTRY_UNREACHABLE : DATA_SOURCE_UNREACHABLE);
  }
}

async function lookAt(
  { secretBox, addressGuard }: Parts,
  dataSource: DataSourceRow,
): Promise<MigrationOutcome> {
  const { name, placement, migrationUrlSealed } = dataSource;
  const url =
    (await openMigrationUrl(secretBox, dataSource)) ?? (await openUrl(secretBox, dataSource));
  const connection = parseDataSourceUrl(url, placement, addressGuard);
  const outcome = outcomeOf(name, await findSchemaState(connection, 'tenant'));
  if (outcome.state !== 'behind' || migrationUrlSealed !== null) return outcome;
  return {
    ...outcome,
    state: 'failed',
    fault: {
      detail: 'the data source has no migration URL',
      remedy:
        'Its owner runs `KNEX_URL=… npx knex --env tenant migrate:latest`, or gives us a migration URL.',
    },
  };
}

function outcomeOf(name: string, state: SchemaState): MigrationOutcome {
  const { version, pending, unknown } = state;
  if (unknown.length > 0) return { ...failed(name, newerThanCode(unknown), ''), version };
  if (isCurrent(state)) return { name, state: 'current', version, applied: [], fault: null };
  const detail = `${pending.length} migration(s) pending: ${pending.join(', ')}`;
  return {
    name,
    state: 'behind',
    version,
    applied: [],
    fault: { detail, remedy: 'Run `cloister migrate`.' },
  };
}

function failed(name: string, error: unknown, unreachable: string): MigrationOutcome {
  const fault = (detail: string, remedy: string): MigrationOutcome => ({
    name,
    state: 'failed',
    version: null,
    applied: [],
    fault: { detail, remedy },
  });
  const { cause } = error as Partial<Error>;
  if (isAppError(error) && cause instanceof EnvelopeError) {
    return fault(cause.message, TENANT_UNAVAILABLE_REMEDIES.BAD_KEY);
  }
  if (isAppError(error) && cause instanceof KeyProviderError) {
    return fault(cause.message, TENANT_UNAVAILABLE_REMEDIES.KEY_PROVIDER_UNREACHABLE);
  }
  if (error instanceof ConnectionUrlError) {
    return fault(error.message, TENANT_UNAVAILABLE_REMEDIES.BAD_KEY);
  }
  if (error instanceof AddressRefused) {
    return fault(describeConnectionFault(error), TENANT_UNAVAILABLE_REMEDIES.ADDRESS_REFUSED);
  }
  if (error instanceof MigrationError) {
    const [detail = '', remedy = ''] = error.message.split(/: (?=run )/);
    return fault(detail, remedy.replace(/^run/, 'Run'));
  }
  if (isConnectionLoss(error) || !(error instanceof DatabaseError)) {
    return fault(describeConnectionFault(error), unreachable);
  }
  // Knex puts the whole SQL before what the server said.
  const said = error.message.split(' - ').at(-1) ?? '';
  return fault(
    `${describeConnectionFault(error)}: ${said}`,
    'The migration was rolled back: mend what it met there, or the privileges of the owner’s role, and run `cloister migrate` again.',
  );
}
