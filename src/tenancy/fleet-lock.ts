/**
 * One runner at a time over the fleet: an advisory lock of the registry, held by a connection that
 * lives as long as the run. A runner that is killed lets go of it with its connection.
 */
import pg from 'pg';
import { SECOND } from '../lib/duration';
import { toClientConfig, type ConnectionSettings } from '../database/connection-url';
import { MigrationError } from '../database/migration-error';
import type { FleetRun } from './fleet-runs.store';

/** Any fixed number, other than that of a database's own migrations. */
const LOCK_KEY = 7_302_512;
const CONNECT_WITHIN_MS = 5 * SECOND;

export interface FleetLock {
  /** Aborted when the lock is lost with its connection: another runner may have begun. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

/** @param registry where the lock is held, past any pooler. @returns undefined when another holds it. */
export async function tryFleetLock(registry: ConnectionSettings): Promise<FleetLock | undefined> {
  const client = new pg.Client({
    ...toClientConfig(registry),
    application_name: 'cloister-fleet',
    connectionTimeoutMillis: CONNECT_WITHIN_MS,
    keepAlive: true,
  });
  const lost = new AbortController();
  let released = false;
  const lose = (): void => {
    if (released) return;
    lost.abort(
      new MigrationError(
        'The connection to the registry broke, and with it the lock of this run: what was finished is kept; run `cloister migrate` again.',
      ),
    );
  };
  client.on('error', lose);
  client.on('end', lose);
  await client.connect();
  const release = async (): Promise<void> => {
    released = true;
    await client.end();
  };
  const { rows } = await client.query<{ held: boolean }>(
    'select pg_try_advisory_lock($1) as held',
    [LOCK_KEY],
  );
  if (rows[0]?.held === true) return { lost: lost.signal, release };
  await release();
  return undefined;
}

export const heldByAnother = (run: FleetRun | undefined): MigrationError =>
  new MigrationError(
    run === undefined
      ? 'Another run over the fleet is just beginning: wait for it to end; `cloister migrate --status` shows it.'
      : `Expected no other run over the fleet, but ${run.startedBy} has had one since ${run.startedAt.toISOString()}: ` +
          'wait for it to end; `cloister migrate --status` shows how far each data source is.',
  );
