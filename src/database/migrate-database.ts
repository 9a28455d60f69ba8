/**
 * Brings one database to the newest schema. One runner at a time holds an advisory lock; each
 * migration is a transaction of its own, so an interrupted run resumes where it stopped; a database
 * that is newer than this code is refused and left alone.
 */
import pg from 'pg';
import knex, { type Knex } from 'knex';
import { SECOND } from '../lib/duration';
import { toClientConfig, type ConnectionSettings } from './connection-url';
import { createMigrationSource, migratorConfig, type MigrationSet } from './migration-source';

export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

export interface MigrateOptions {
  /** The run-time role, which owns nothing: gets what the server needs and no more. */
  readonly appRole?: string;
  readonly onProgress?: (migration: string, done: number, total: number) => void;
}

export interface MigrateResult {
  readonly version: string;
  readonly applied: readonly string[];
}

/** Any fixed number: the lock is per database. */
const LOCK_KEY = 7_302_511;
const CONNECT_WITHIN_MS = 5 * SECOND;

export async function migrateDatabase(
  connection: ConnectionSettings,
  set: MigrationSet,
  { appRole, onProgress }: MigrateOptions = {},
): Promise<MigrateResult> {
  const lock = new pg.Client({
    ...toClientConfig(connection),
    application_name: 'cloister-migrate',
    connectionTimeoutMillis: CONNECT_WITHIN_MS,
  });
  // A connection that breaks fails the query that runs; without a listener it would end the process.
  lock.on('error', () => undefined);
  await lock.connect();
  const db = knex({
    client: 'pg',
    connection: toClientConfig(connection) as Knex.PgConnectionConfig,
    pool: { min: 0, max: 1 },
  });
  try {
    await lock.query('select pg_advisory_lock($1)', [LOCK_KEY]);
    await lock.query(`create schema if not exists ${set === 'registry' ? 'registry' : 'cloister'}`);
    const applied = await applyPending(db, set, onProgress);
    if (appRole !== undefined) await grantRuntime(lock, set, appRole);
    return { version: createMigrationSource(set).names.at(-1) ?? '', applied };
  } finally {
    await db.destroy();
    await lock.end();
  }
}

async function applyPending(
  db: Knex,
  set: MigrationSet,
  onProgress: MigrateOptions['onProgress'],
): Promise<string[]> {
  const config = migratorConfig(set);
  const known = createMigrationSource(set).names;
  const recorded = await listApplied(db, config);
  const unknown = recorded.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new MigrationError(
      `Expected a database no newer than this version of cloister, but it has ${unknown.join(', ')}: ` +
        'run the version that made it, or a later one.',
    );
  }
  // We hold the advisory lock, so a lock row left by a killed runner is nobody's.
  if (recorded.length > 0) await db.migrate.forceFreeMigrationsLock(config);
  const pending = known.filter((name) => !recorded.includes(name));
  for (const [index, name] of pending.entries()) {
    onProgress?.(name, index, pending.length);
    await db.migrate.up({ ...config, name });
  }
  return pending;
}

async function listApplied(db: Knex, config: Knex.MigratorConfig): Promise<string[]> {
  const table = `${config.schemaName}.${config.tableName}`;
  const { rows } = await db.raw<{ rows: { there: boolean }[] }>(
    'select to_regclass(?) is not null as there',
    [table],
  );
  return rows[0]?.there === true ? db(table).orderBy('id').pluck('name') : [];
}

/** Rows only: the run-time role can neither change a table nor step around a policy. */
async function grantRuntime(client: pg.Client, set: MigrationSet, role: string): Promise<void> {
  const schema = set === 'registry' ? 'registry' : 'cloister';
  const name = client.escapeIdentifier(role);
  await client.query(`
    grant usage on schema ${schema} to ${name};
    grant select, insert, update, delete on all tables in schema ${schema} to ${name};
    revoke insert, update, delete on ${schema}.schema_migrations, ${schema}.schema_migrations_lock from ${name};
    ${set === 'registry' ? `revoke insert, update, delete on registry.audit_log from ${name};` : ''}
  `);
}
