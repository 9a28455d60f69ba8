/**
 * Brings one database to the newest schema. One runner at a time holds an advisory lock; each
 * migration is a transaction of its own, so an interrupted run resumes where it stopped; a database
 * that is newer than this code is refused and left alone.
 */
import pg from 'pg';
import knex, { type Knex } from 'knex';
import { SECOND } from '../lib/duration';
import { toClientConfig, type ConnectionSettings } from './connection-url';
import {
  applyPending,
  LOCK_TIMEOUT_MS,
  rehearsePending,
  type ApplyOptions,
} from './apply-migrations';
import { COMPATIBILITY_TABLE } from './compatibility-statement';
import { SCHEMAS, type MigrationSet } from './migration-source';

export { MigrationError } from './migration-error';

export interface MigrateOptions extends ApplyOptions {
  /** The run-time role, which owns nothing: gets what the server needs and no more. */
  readonly appRole?: string;
  /** Runs what is pending and takes it back, holding its locks for as long as that takes. */
  readonly rehearse?: boolean;
  /** How long a migration waits for a lock before it lets others through. */
  readonly lockTimeoutMs?: number;
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
  { appRole, rehearse = false, lockTimeoutMs = LOCK_TIMEOUT_MS, ...options }: MigrateOptions = {},
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
    connection: {
      ...toClientConfig(connection),
      application_name: 'cloister-migrate',
      lock_timeout: lockTimeoutMs,
    } as Knex.PgConnectionConfig,
    pool: { min: 0, max: 1 },
    // A failure is thrown, to whoever says it in the right place.
    log: { warn: () => undefined, error: () => undefined },
  });
  try {
    await lock.query('select pg_advisory_lock($1)', [LOCK_KEY]);
    if (rehearse) return { version: '', applied: await rehearsePending(db, set, options) };
    await lock.query(`create schema if not exists ${SCHEMAS[set]}`);
    // A table is granted with the transaction that makes it: triggers on old tables may need it at once.
    if (appRole !== undefined) await grantFuture(lock, set, appRole);
    const applied = await applyPending(db, set, options);
    if (appRole !== undefined) await grantRuntime(lock, set, appRole);
    return { version: await findVersion(lock, set), applied };
  } finally {
    await db.destroy();
    await lock.end();
  }
}

async function findVersion(client: pg.Client, set: MigrationSet): Promise<string> {
  const { rows } = await client.query<{ name: string }>(
    `select name from ${SCHEMAS[set]}.schema_migrations order by name collate "C" desc limit 1`,
  );
  return rows[0]?.name ?? '';
}

async function grantFuture(client: pg.Client, set: MigrationSet, role: string): Promise<void> {
  await client.query(
    `alter default privileges in schema ${SCHEMAS[set]}
     grant select, insert, update, delete on tables to ${client.escapeIdentifier(role)}`,
  );
}

/** Rows only: the run-time role can neither change a table nor step around a policy. */
export async function grantRuntime(
  client: pg.Client,
  set: MigrationSet,
  role: string,
): Promise<void> {
  const schema = set === 'registry' ? 'registry' : 'cloister';
  const name = client.escapeIdentifier(role);
  await client.query(`
    grant usage on schema ${schema} to ${name};
    grant select, insert, update, delete on all tables in schema ${schema} to ${name};
    ${set === 'registry' ? grantJobs(name) : ''}
    revoke insert, update, delete on ${schema}.schema_migrations, ${schema}.schema_migrations_lock from ${name};
    ${set === 'registry' ? auditRevocations(name) : compatibilityRevocation(name) + grantSearch(name)}
  `);
}

/** Whoever reads the tables may search in them; absent before the migrations 0008 and 0011. */
const grantSearch = (role: string): string =>
  ['search(text, text[], integer)', 'search_tables(text[], text[], integer)']
    .map(
      (signature) => `
    do $$ begin
      if to_regprocedure('cloister.${signature}') is not null then
        grant execute on function cloister.${signature} to ${role};
      end if;
    end $$;`,
    )
    .join('');

/** The jobs stand in a schema of their own. */
const grantJobs = (role: string): string => `
    grant usage on schema jobs to ${role};
    grant select, insert, update, delete on all tables in schema jobs to ${role};
    revoke insert, update, delete on jobs.version from ${role};`;

/** The triggers write the log and its chain; a checkpoint can be added and never taken back. */
const auditRevocations = (role: string): string => `
    revoke insert, update, delete on registry.audit_log, registry.audit_chain, registry.audit_head from ${role};
    revoke update, delete on registry.audit_checkpoints from ${role};
  `;

/** Migrations state it; nobody else. Absent where none was run since it was introduced. */
const compatibilityRevocation = (role: string): string => `
    do $$ begin
      if to_regclass('${COMPATIBILITY_TABLE}') is not null then
        revoke insert, update, delete on ${COMPATIBILITY_TABLE} from ${role};
      end if;
    end $$;`;
