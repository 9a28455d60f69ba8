/**
 * Runs what is pending in a database whose advisory lock the caller holds, each migration in a
 * transaction of its own.
 *
 * Traffic must not queue behind a migration that queues for a table's lock, so each waits but a
 * moment, lets everybody through who came meanwhile, and tries again, then with all locks at once.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Knex } from 'knex';
import { SECOND } from '../lib/duration';
import { MigrationError } from './migration-error';
import {
  createMigrationSource,
  migratorConfig,
  SCHEMAS,
  type MigrationSet,
} from './migration-source';

export interface ApplyOptions {
  readonly onProgress?: (migration: string, done: number, total: number) => void;
  /** A migration has waited in vain for a lock and will try again. */
  readonly onLockWait?: (migration: string, attempt: number, attempts: number) => void;
  /** How often a migration tries to get its locks before it fails. */
  readonly lockAttempts?: number;
  /** Nothing more is begun once it is aborted; what was begun is finished. */
  readonly signal?: AbortSignal;
  /** The last migration to run, where not all are wanted. */
  readonly upTo?: string;
}

/**
 * Traffic waits behind a waiting migration, so this is far from a request's patience. It is also far
 * below Postgres' deadlock_timeout (1 s): where a migration and a write wait for each other, it is the
 * migration that gives up, before the server ends either.
 */
export const LOCK_TIMEOUT_MS = 0.2 * SECOND;
/** With the pauses between them some two minutes. */
export const LOCK_ATTEMPTS = 20;
const LONGEST_PAUSE_MS = 8 * SECOND;
const FIRST_PAUSE_MS = 0.1 * SECOND;
export const LOCK_NOT_AVAILABLE = '55P03';

/** @returns the names of what was run. @throws MigrationError when the database is newer than the code. */
export async function applyPending(
  db: Knex,
  set: MigrationSet,
  { onProgress, upTo, signal, ...patience }: ApplyOptions,
): Promise<string[]> {
  const config = migratorConfig(set);
  const pending = await findPending(db, set, upTo);
  for (const [index, name] of pending.entries()) {
    signal?.throwIfAborted();
    onProgress?.(name, index, pending.length);
    await withPatience(name, { ...patience, ...(signal && { signal }) }, async (count) => {
      // We hold the advisory lock, so a lock row left by a killed runner is nobody's.
      await db.migrate.forceFreeMigrationsLock(config);
      await db.migrate.up({ ...migratorConfig(set, { lockingFirst: count > 1 }), name });
    });
  }
  return pending;
}

/** Names of what is to be run, in order. */
async function findPending(db: Knex, set: MigrationSet, upTo?: string): Promise<string[]> {
  const known = createMigrationSource(set).names;
  const recorded = await listApplied(db, migratorConfig(set));
  const unknown = recorded.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new MigrationError(
      `Expected a database no newer than this version of cloister, but it has ${unknown.join(', ')}: ` +
        'run the version that made it, or a later one.',
    );
  }
  return known.filter((name) => !recorded.includes(name) && (upTo === undefined || name <= upTo));
}

async function withPatience(
  name: string,
  { onLockWait, lockAttempts = LOCK_ATTEMPTS, signal }: Omit<ApplyOptions, 'onProgress' | 'upTo'>,
  attempt: (count: number) => Promise<void>,
): Promise<void> {
  for (let count = 1; ; count += 1) {
    try {
      return await attempt(count);
    } catch (error) {
      if ((error as { readonly code?: unknown }).code !== LOCK_NOT_AVAILABLE) throw error;
      if (count >= lockAttempts) throw lockNotGot(name, count, error);
      onLockWait?.(name, count, lockAttempts);
      const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (count - 1));
      // The end of the pause, not an error of its own: the signal is looked at below.
      await delay(pauseMs, undefined, signal && { signal }).catch(() => undefined);
      signal?.throwIfAborted();
    }
  }
}

const lockNotGot = (name: string, attempts: number, cause: unknown): MigrationError =>
  Object.assign(
    new MigrationError(
      `${name} did not get the locks it needs in ${attempts} attempts, because transactions of others held them: ` +
        'run `cloister migrate` again when there is less traffic, or end the transaction that stays open there.',
    ),
    { cause },
  );

async function listApplied(db: Knex, config: Knex.MigratorConfig): Promise<string[]> {
  const table = `${config.schemaName}.${config.tableName}`;
  const { rows } = await db.raw<{ rows: { there: boolean }[] }>(
    'select to_regclass(?) is not null as there',
    [table],
  );
  return rows[0]?.there === true ? db(table).orderBy('id').pluck('name') : [];
}

class Rehearsed extends Error {}

/** Runs what is pending in one transaction and takes it all back. @returns the names of what was run. */
export async function rehearsePending(
  db: Knex,
  set: MigrationSet,
  { onProgress }: Pick<ApplyOptions, 'onProgress'>,
): Promise<string[]> {
  const source = createMigrationSource(set);
  const pending = await findPending(db, set);
  try {
    await db.transaction(async (trx) => {
      await trx.raw(`create schema if not exists ${SCHEMAS[set]}`);
      for (const [index, name] of pending.entries()) {
        onProgress?.(name, index, pending.length);
        const migration = await source.getMigration({ file: name });
        await migration.up(trx);
      }
      throw new Rehearsed();
    });
  } catch (error) {
    if (!(error instanceof Rehearsed)) throw error;
  }
  return pending;
}
