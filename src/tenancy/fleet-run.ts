/**
 * A run of the migrations over many data sources: canaries before all others, a bounded number at
 * once, no further than the failures that are allowed, and one runner at a time.
 *
 * What is done stands in each database itself, so that a run that was stopped, interrupted or killed
 * is resumed by another one: it finds done what is done. The journal in the registry is for people.
 */
import { uuidv7 } from 'uuidv7';
import type { Knex } from 'knex';
import type { Config } from '../config';
import { parseConnectionUrl } from '../database/connection-url';
import { createMigrationSource } from '../database/migration-source';
import { settleAll } from '../lib/settle-all';
import { heldByAnother, tryFleetLock } from './fleet-lock';
import { createFleetRunsStore, type FleetRunsStore } from './fleet-runs.store';
import { migrateOne, type MigrateOneOptions, type MigrationOutcome } from './migrate-fleet';
import type { DataSourceRow } from './registry.store';
import type { Tenancy } from './tenancy';

export interface FleetRunOptions extends Pick<
  MigrateOneOptions,
  'onProgress' | 'onLockWait' | 'lockAttempts' | 'lockTimeoutMs'
> {
  readonly config: Config;
  /** For the journal and for whoever comes meanwhile: `ada@laptop, process 4711`. */
  readonly startedBy: string;
  /** Data sources that go first, beside those that the registry marks. */
  readonly canaries?: ReadonlySet<string>;
  /** How many at once. */
  readonly parallel: number;
  /** Once more than these have failed nothing else is begun. */
  readonly maxFailures: number;
  readonly onOutcome?: (outcome: MigrationOutcome, progress: FleetProgress) => void;
  /** Data sources that were not begun when it is aborted are left alone. */
  readonly signal?: AbortSignal;
}

export interface FleetProgress {
  readonly done: number;
  readonly total: number;
  readonly failed: number;
  /** Milliseconds, as long as those before took; undefined before the first. */
  readonly remainingMs: number | undefined;
}

export interface FleetReport {
  /** In the order of the data sources; those that were not begun are missing. */
  readonly outcomes: readonly MigrationOutcome[];
  readonly notBegun: readonly string[];
  /** Why the rest was not begun. */
  readonly stoppedBecause: string | null;
}

type Parts = Pick<Tenancy, 'registry' | 'addressGuard'> & {
  readonly registryDb: Knex;
} & Parameters<typeof migrateOne>[0];

/** @throws MigrationError when another runner is at it, or the lock is lost; the signal's reason. */
export async function runFleet(
  tenancy: Parts,
  dataSources: readonly DataSourceRow[],
  options: FleetRunOptions,
): Promise<FleetReport> {
  const store = createFleetRunsStore(tenancy.registryDb);
  const lock = await tryFleetLock(parseConnectionUrl(options.config.registry.migrationUrl));
  if (lock === undefined) throw heldByAnother(await store.findRunning());
  try {
    await store.closeAbandoned();
    const id = uuidv7();
    const target = createMigrationSource('tenant').names.at(-1) ?? '';
    await store.begin({
      id,
      target,
      startedBy: options.startedBy,
      dataSources: dataSources.length,
    });
    const signals = [lock.lost, ...(options.signal === undefined ? [] : [options.signal])];
    const signal = AbortSignal.any(signals);
    const report = await runWaves(tenancy, store, id, dataSources, { ...options, signal });
    const interrupted = signal.aborted && report.notBegun.length > 0;
    const state = interrupted
      ? 'interrupted'
      : report.stoppedBecause === null
        ? 'finished'
        : 'stopped';
    // Without its lock this run has nothing more to say about itself.
    if (!lock.lost.aborted) await store.end(id, state, report.stoppedBecause);
    if (signal.aborted) throw signal.reason;
    return report;
  } finally {
    await lock.release();
  }
}

type RunOptions = FleetRunOptions & { readonly signal: AbortSignal };

async function runWaves(
  tenancy: Parts,
  store: FleetRunsStore,
  runId: string,
  dataSources: readonly DataSourceRow[],
  options: RunOptions,
): Promise<FleetReport> {
  const { parallel, maxFailures, signal, onOutcome, canaries: named } = options;
  const marked = new Set(await store.listCanaryIds());
  const isCanary = ({ id, name }: DataSourceRow): boolean =>
    marked.has(id) || named?.has(name) === true;
  const canaries = dataSources.filter(isCanary);
  const others = dataSources.filter((row) => !isCanary(row));
  const outcomes = new Map<string, MigrationOutcome>();
  const startedAt = performance.now();
  let failed = 0;
  let stoppedBecause: string | null = null;

  const one = async (dataSource: DataSourceRow): Promise<void> => {
    if (stoppedBecause !== null || signal.aborted) return;
    const outcome = await journalled(tenancy, store, runId, dataSource, options);
    outcomes.set(dataSource.id, outcome);
    if (outcome.fault !== null) failed += 1;
    if (failed > maxFailures) {
      stoppedBecause ??= `${failed} data sources have failed, and ${maxFailures} may`;
    }
    const done = outcomes.size;
    const remaining = dataSources.length - done;
    const remainingMs = ((performance.now() - startedAt) / done) * remaining;
    onOutcome?.(outcome, { done, total: dataSources.length, failed, remainingMs });
  };
  const wave = async (rows: readonly DataSourceRow[]): Promise<void> => {
    for (const result of await settleAll(rows, parallel, one)) {
      if (result.status === 'rejected' && !signal.aborted) throw result.reason;
    }
  };

  await wave(canaries);
  const fallen = canaries.filter(({ id }) => (outcomes.get(id)?.fault ?? null) !== null);
  if (fallen.length > 0) {
    stoppedBecause = `the canary ${fallen.map(({ name }) => name).join(', ')} has failed`;
  }
  await wave(others);
  return {
    outcomes: dataSources.flatMap(({ id }) => outcomes.get(id) ?? []),
    notBegun: dataSources.filter(({ id }) => !outcomes.has(id)).map(({ name }) => name),
    stoppedBecause: signal.aborted ? 'interrupted' : stoppedBecause,
  };
}

async function journalled(
  tenancy: Parts,
  store: FleetRunsStore,
  runId: string,
  dataSource: DataSourceRow,
  { onProgress, onLockWait, lockAttempts, lockTimeoutMs, signal }: RunOptions,
): Promise<MigrationOutcome> {
  let lockWaits = 0;
  await store.beginResult(runId, dataSource.id, dataSource.schemaVersion);
  const outcome = await migrateOne(tenancy, dataSource, {
    signal,
    ...(onProgress && { onProgress }),
    ...(lockAttempts === undefined ? {} : { lockAttempts }),
    ...(lockTimeoutMs === undefined ? {} : { lockTimeoutMs }),
    onLockWait: (...told) => {
      lockWaits += 1;
      onLockWait?.(...told);
    },
  });
  await store.endResult(runId, dataSource.id, outcome, lockWaits);
  return outcome;
}
