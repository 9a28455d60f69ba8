/**
 * Brings the registry and every data source to this version's schema. A data source that fails is
 * reported and the others go on: one customer's server must not keep the rest from being served.
 */
import { DatabaseError } from 'pg';
import { TENANT_UNAVAILABLE_REMEDIES } from '../errors';
import { settleAll } from '../lib/settle-all';
import type { Config } from '../config';
import { describeConnectionFault } from '../database/connection-fault';
import { ConnectionUrlError, parseConnectionUrl } from '../database/connection-url';
import { migrateDatabase, MigrationError } from '../database/migrate-database';
import { isConnectionLoss } from '../database/postgres-errors';
import {
  findSchemaState,
  isCurrent,
  newerThanCode,
  type SchemaState,
} from '../database/schema-state';
import { migrateDataSource } from './provision';
import type { DataSourceRow } from './registry.store';
import { EnvelopeError, open } from './secrets/envelope';
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

export interface FleetOptions {
  /** Looks and changes nothing. */
  readonly statusOnly?: boolean;
  readonly onProgress?: (name: string, migration: string, done: number, total: number) => void;
  /** Data sources that were not begun when it is aborted are left alone. */
  readonly signal?: AbortSignal;
}

type Parts = Pick<Tenancy, 'registry' | 'keyring'>;

/** A migration is the servers' work; more at once would make the progress hard to follow. */
const AT_ONCE = 4;

/** Never throws. */
export async function migrateRegistry(
  config: Config,
  { statusOnly = false, onProgress }: FleetOptions = {},
): Promise<MigrationOutcome> {
  const name = 'registry';
  try {
    const connection = parseConnectionUrl(config.registry.migrationUrl);
    if (statusOnly) return outcomeOf(name, await findSchemaState(connection, 'registry'));
    const { applied, version } = await migrateDatabase(connection, 'registry', {
      appRole: parseConnectionUrl(config.registry.url).user,
      onProgress: (migration, done, total) => onProgress?.(name, migration, done, total),
    });
    return {
      name,
      state: applied.length === 0 ? 'current' : 'migrated',
      version,
      applied,
      fault: null,
    };
  } catch (error) {
    return failed(name, error, TENANT_UNAVAILABLE_REMEDIES.REGISTRY_UNREACHABLE);
  }
}

/** Never throws. The registry must be current. Outcomes stand in the order of the data sources. */
export async function migrateDataSources(
  tenancy: Parts,
  dataSources: readonly DataSourceRow[],
  options: FleetOptions = {},
): Promise<MigrationOutcome[]> {
  const settled = await settleAll(dataSources, AT_ONCE, async (dataSource) => {
    options.signal?.throwIfAborted();
    return options.statusOnly === true
      ? lookAt(tenancy, dataSource)
      : migrateOne(tenancy, dataSource, options);
  });
  return settled.map((result, index) =>
    result.status === 'fulfilled'
      ? result.value
      : failed(
          dataSources[index]?.name ?? '',
          result.reason,
          TENANT_UNAVAILABLE_REMEDIES.DATA_SOURCE_UNREACHABLE,
        ),
  );
}

async function migrateOne(
  tenancy: Parts,
  dataSource: DataSourceRow,
  { onProgress }: FleetOptions,
): Promise<MigrationOutcome> {
  const { name } = dataSource;
  if (dataSource.migrationUrlSealed === null) return lookAt(tenancy, dataSource);
  const { applied, version } = await migrateDataSource(tenancy, dataSource, {
    onProgress: (migration, done, total) => onProgress?.(name, migration, done, total),
  });
  return {
    name,
    state: applied.length === 0 ? 'current' : 'migrated',
    version,
    applied,
    fault: null,
  };
}

async function lookAt({ keyring }: Parts, dataSource: DataSourceRow): Promise<MigrationOutcome> {
  const { id, name, urlSealed, migrationUrlSealed } = dataSource;
  const url =
    migrationUrlSealed === null
      ? open(urlSealed, { rowId: id, column: 'url_sealed' }, keyring)
      : open(migrationUrlSealed, { rowId: id, column: 'migration_url_sealed' }, keyring);
  const outcome = outcomeOf(name, await findSchemaState(parseConnectionUrl(url), 'tenant'));
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
  if (error instanceof EnvelopeError || error instanceof ConnectionUrlError) {
    return fault(error.message, TENANT_UNAVAILABLE_REMEDIES.BAD_KEY);
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
