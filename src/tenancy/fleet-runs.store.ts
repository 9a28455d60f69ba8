/** The journal of fleet runs in the registry: who ran what, and what became of each data source. */
import type { Knex } from 'knex';
import type { MigrationOutcome } from './migrate-fleet';

export interface FleetRun {
  readonly id: string;
  readonly target: string;
  readonly startedBy: string;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
  readonly state: 'running' | 'finished' | 'stopped' | 'interrupted';
  readonly stoppedBecause: string | null;
  readonly dataSources: number;
}

/** The last attempt at a data source. */
export interface FleetResult {
  readonly runId: string;
  readonly dataSourceId: string;
  readonly state: 'running' | 'current' | 'migrated' | 'failed';
  readonly versionBefore: string | null;
  readonly versionAfter: string | null;
  readonly applied: readonly string[];
  readonly lockWaits: number;
  readonly fault: string | null;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
}

const RUN_COLUMNS = {
  id: 'id',
  target: 'target',
  startedBy: 'started_by',
  startedAt: 'started_at',
  finishedAt: 'finished_at',
  state: 'state',
  stoppedBecause: 'stopped_because',
  dataSources: 'data_sources',
} as const satisfies Record<keyof FleetRun, string>;

const RESULT_COLUMNS = {
  runId: 'run_id',
  dataSourceId: 'data_source_id',
  state: 'state',
  versionBefore: 'version_before',
  versionAfter: 'version_after',
  applied: 'applied',
  lockWaits: 'lock_waits',
  fault: 'fault',
  startedAt: 'started_at',
  finishedAt: 'finished_at',
} as const satisfies Record<keyof FleetResult, string>;

/** Begun and not ended; what it had finished stands in the data source itself. */
const INTERRUPTED = { state: 'failed', fault: 'interrupted' };

export function createFleetRunsStore(db: Knex) {
  const runs = () => db('registry.fleet_runs');
  const results = () => db('registry.fleet_run_results');
  return {
    findRunning: (): Promise<FleetRun | undefined> =>
      runs()
        .where('state', 'running')
        .orderBy('started_at', 'desc')
        .first<FleetRun | undefined>(RUN_COLUMNS),
    findLast: (): Promise<FleetRun | undefined> =>
      runs().orderBy('started_at', 'desc').first<FleetRun | undefined>(RUN_COLUMNS),
    /** Runs whose process died; for whoever holds the lock that they held. */
    closeAbandoned: async (): Promise<void> => {
      await runs()
        .where('state', 'running')
        .update({ state: 'interrupted', finished_at: db.fn.now(), stopped_because: 'killed' });
      await results().where('state', 'running').update(INTERRUPTED);
    },
    begin: async (
      run: Pick<FleetRun, 'id' | 'target' | 'startedBy' | 'dataSources'>,
    ): Promise<void> => {
      await runs().insert({
        id: run.id,
        target: run.target,
        started_by: run.startedBy,
        data_sources: run.dataSources,
      });
    },
    end: async (
      id: string,
      state: 'finished' | 'stopped' | 'interrupted',
      stoppedBecause: string | null,
    ): Promise<void> => {
      await runs()
        .where('id', id)
        .update({ state, stopped_because: stoppedBecause, finished_at: db.fn.now() });
      await results().where({ run_id: id, state: 'running' }).update(INTERRUPTED);
    },
    beginResult: async (
      runId: string,
      dataSourceId: string,
      versionBefore: string | null,
    ): Promise<void> => {
      await results().insert({
        run_id: runId,
        data_source_id: dataSourceId,
        state: 'running',
        version_before: versionBefore,
      });
    },
    endResult: async (
      runId: string,
      dataSourceId: string,
      { state, version, applied, fault }: MigrationOutcome,
      lockWaits: number,
    ): Promise<void> => {
      await results()
        .where({ run_id: runId, data_source_id: dataSourceId })
        .update({
          // Behind, in a run, is what its owner has not migrated.
          state: state === 'behind' ? 'failed' : state,
          version_after: version,
          applied,
          lock_waits: lockWaits,
          fault: fault?.detail ?? null,
          finished_at: db.fn.now(),
        });
    },
    /** The last attempt at each data source that there was one at. */
    listLastResults: async (): Promise<FleetResult[]> =>
      results()
        .distinctOn('data_source_id')
        .orderBy([{ column: 'data_source_id' }, { column: 'started_at', order: 'desc' }])
        .select<FleetResult[]>(RESULT_COLUMNS),
    listCanaryIds: (): Promise<string[]> =>
      db('registry.data_sources').where('canary', true).pluck('id'),
  };
}

export type FleetRunsStore = ReturnType<typeof createFleetRunsStore>;
