/** Where a database stands among the migrations of this version. Reads only. */
import type { ClientBase } from 'pg';
import { tenantUnavailable } from '../errors';
import { SECOND } from '../lib/duration';
import { COMPATIBILITY_TABLE } from './compatibility-statement';
import type { ConnectionSettings } from './connection-url';
import { MigrationError } from './migration-error';
import { createMigrationSource, migratorConfig, type MigrationSet } from './migration-source';
import type { AppliedSchema } from './schema-compatibility';
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
    async (client) => compareMigrations(await findAppliedMigrations(client, set), set),
  );
}

/** Names in order; none where nothing was, or where the role may not look. */
export async function findAppliedMigrations(
  client: ClientBase,
  set: MigrationSet,
): Promise<string[]> {
  const { schemaName, tableName } = migratorConfig(set);
  const table = `${schemaName}.${tableName}`;
  if (!(await isReadable(client, table))) return [];
  const { rows } = await client.query<{ name: string }>(
    `select name from ${table} order by name collate "C"`,
  );
  return rows.map(({ name }) => name);
}

/** What a tenant data source says of itself; see `judgeSchema`. */
export async function findAppliedSchema(client: ClientBase): Promise<AppliedSchema> {
  const applied = await findAppliedMigrations(client, 'tenant');
  const known = createMigrationSource('tenant').names;
  // Only who is older than the database has to ask whether that matters.
  const newer = applied.some((name) => !known.includes(name));
  if (!newer || !(await isReadable(client, COMPATIBILITY_TABLE))) {
    return { applied, oldestCode: null };
  }
  const { rows } = await client.query<{ oldest_code: string }>(
    `select oldest_code from ${COMPATIBILITY_TABLE}`,
  );
  return { applied, oldestCode: rows[0]?.oldest_code ?? null };
}

async function isReadable(client: ClientBase, table: string): Promise<boolean> {
  const { rows } = await client.query<{ readable: boolean }>(
    `select to_regclass($1) is not null and has_table_privilege(to_regclass($1), 'select') as readable`,
    [table],
  );
  return rows[0]?.readable === true;
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
