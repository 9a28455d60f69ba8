/** What `cloister migrate` says, for people and for machines. */
import { MINUTE, SECOND } from '../lib/duration';
import type { FleetProgress, FleetReport } from '../tenancy/fleet-run';
import type { FleetResult } from '../tenancy/fleet-runs.store';
import type { MigrationOutcome } from '../tenancy/migrate-fleet';
import type { DataSourceRow } from '../tenancy/registry.store';
import { formatTable } from './table';

export interface Seen {
  readonly dataSources: readonly DataSourceRow[];
  readonly lastResults: readonly FleetResult[];
}

export interface Findings {
  readonly outcomes: readonly MigrationOutcome[];
  /** Of a run that changed something. */
  readonly report: FleetReport | undefined;
  /** Of a look that changed nothing. */
  readonly seen: Seen | undefined;
  readonly json: boolean;
}

type Say = (line: string) => void;

const RESULTS: Readonly<Record<MigrationOutcome['state'], string>> = {
  current: 'up to date',
  migrated: 'migrated',
  behind: 'behind',
  failed: 'FAILED',
};

export function printOutcomes(say: Say, { outcomes, report, seen, json }: Findings): void {
  const lastFailures = failuresOf(seen);
  if (json) {
    const rest = {
      notBegun: report?.notBegun ?? [],
      stoppedBecause: report?.stoppedBecause ?? null,
    };
    say(JSON.stringify({ outcomes, ...rest, lastFailures }, null, 2));
    return;
  }
  say(
    formatTable(
      ['DATABASE', 'VERSION', 'APPLIED', 'RESULT'],
      outcomes.map(({ name, version, applied, state }) => [
        name,
        version === null || version === '' ? '-' : version,
        String(applied.length),
        // Whoever only looks has migrated nothing for good.
        seen !== undefined && state === 'migrated' ? 'rehearsed' : RESULTS[state],
      ]),
    ),
  );
  for (const { name, fault } of outcomes) {
    if (fault !== null)
      say(`${name}: ${[fault.detail, fault.remedy].filter(Boolean).join('\n  ')}`);
  }
  for (const { name, at, fault } of lastFailures) say(`${name}: last failed ${at}: ${fault}`);
  if (report !== undefined) say(summaryOf(report));
}

function failuresOf(seen: Seen | undefined): { name: string; at: string; fault: string }[] {
  const names = new Map(seen?.dataSources.map(({ id, name }) => [id, name]));
  return (seen?.lastResults ?? []).flatMap(({ dataSourceId, state, fault, startedAt }) => {
    const name = names.get(dataSourceId);
    if (name === undefined || state !== 'failed') return [];
    return [{ name, at: startedAt.toISOString(), fault: fault ?? 'for no reason given' }];
  });
}

function summaryOf({ outcomes, notBegun, stoppedBecause }: FleetReport): string {
  const count = (state: MigrationOutcome['state']): number =>
    outcomes.filter((outcome) => outcome.state === state).length;
  const done = `Data sources: ${count('migrated')} migrated, ${count('current')} up to date already, ${count('failed') + count('behind')} failed`;
  if (notBegun.length === 0) return `${done}.`;
  return (
    `${done}, ${notBegun.length} not begun, because ${stoppedBecause ?? 'the run has ended'}.\n` +
    'Mend what failed and run `cloister migrate` again: it does only what is left.'
  );
}

/** Which migrations would be run where. */
export function printPlan(say: Say, { outcomes, json }: Findings): void {
  if (json) return say(JSON.stringify({ outcomes }, null, 2));
  say(
    formatTable(
      ['DATABASE', 'VERSION', 'WOULD RUN'],
      outcomes.map(({ name, version, state, fault }) => [
        name,
        version ?? '-',
        state === 'current'
          ? 'nothing'
          : (fault?.detail.replace(/^\d+ migration\(s\) pending: /, '') ?? ''),
      ]),
    ),
  );
}

export function describeProgress(
  { name, state, applied, fault }: MigrationOutcome,
  { done, total, failed, remainingMs }: FleetProgress,
): string {
  const what =
    fault === null ? `${RESULTS[state]}, ${applied.length} applied` : `FAILED: ${fault.detail}`;
  const failures = failed === 0 ? '' : `, ${failed} failed`;
  const left =
    remainingMs === undefined || done === total ? '' : `, about ${inWords(remainingMs)} left`;
  return `${name}: ${what} (${done} of ${total} done${failures}${left})`;
}

const inWords = (ms: number): string =>
  ms < 2 * MINUTE ? `${Math.ceil(ms / SECOND)} s` : `${Math.ceil(ms / MINUTE)} min`;
