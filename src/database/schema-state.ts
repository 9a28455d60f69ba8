/** Where a database stands among the migrations of this version. Reads only. */
import { tenantUnavailable } from '../errors';
import { SECOND } from '../lib/duration';
import type { ConnectionSettings } from './connection-url';
import { MigrationError } from './migrate-database';
import { createMigrationSource, migratorConfig, type MigrationSet } from './migration-source';
import { withClient } from './with-client';

const WITHIN_MS = 2.5 * SECOND;

export interface SchemaState {
  /** The last migration that was run, or null before the first. */
  readonly version: string | null;
  readonly expected: string;
  readonly pending: readonly string[];
  /** Migrations that this version does not know: the database is newer. */
  readonly unknown: readonly string[];
}

export const isCurrent = ({ pending, unknown }: SchemaState): boolean =>
  pending.length === 0 && unknown.length === 0;

export function compareMigrations(applied: readonly string[], set: MigrationSet): SchemaState {
  const { names } = createMigrationSource(set);
  return {
    version: applied.at(-1) ?? null,
    expected: names.at(-1) ?? '',
    pending: names.filter((name) => !applied.includes(name)),
    unknown: applied.filter((name) => !names.includes(name)),
  };
}

/** @throws what pg throws when the database cannot be reached or does not let the role look. */
export async function findSchemaState(
  connection: ConnectionSettings,
  set: MigrationSet,
): Promise<SchemaState> {
  return withClient(
    connection,
    { applicationName: 'cloister-migrate', withinMs: WITHIN_MS },
    async (client) => {
      const { schemaName, tableName } = migratorConfig(set);
      const table = `${schemaName}.${tableName}`;
      const { rows } = await client.query<{ there: boolean }>(
        'select to_regclass($1) is not null as there',
        [table],
      );
      if (rows[0]?.there !== true) return compareMigrations([], set);
      const applied = await client.query<{ name: string }>(`select name from ${table} order by id`);
      return compareMigrations(
        applied.rows.map(({ name }) => name),
        set,
      );
    },
  );
}

/** @throws MigrationError that says what to run; TENANT_UNAVAILABLE when the registry does not answer. */
export async function assertRegistryIsCurrent(connection: ConnectionSettings): Promise<void> {
  const state = await findSchemaState(connection, 'registry').catch((error: unknown) => {
    throw tenantUnavailable('REGISTRY_UNREACHABLE', error);
  });
  if (state.unknown.length > 0) throw newerThanCode(state.unknown);
  if (state.pending.length === 0) return;
  throw new MigrationError(
    `Expected the registry's schema to be ${state.expected}, but it is ${state.version ?? 'empty'}: ` +
      'run `cloister migrate`, then start again.',
  );
}

export const newerThanCode = (unknown: readonly string[]): MigrationError =>
  new MigrationError(
    `Expected a database no newer than this version of cloister, but it has ${unknown.join(', ')}: ` +
      'run the version that made it, or a later one.',
  );
