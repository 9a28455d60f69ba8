/** The cost of isolation as Markdown. */
import type { RequestCounts } from '../counting';
import type { Sample } from '../measure';
import { QUERY_TITLES, type QueryId } from '../queries';
import { pick, ratioWithinRounds, showRatio, type Picked, type Ratio } from '../ratios';
import { table } from '../report';
import { median } from '../summary';

export const LABELS = {
  on: 'isolation on',
  again: 'isolation on, again',
  unguarded: 'policies off',
  unstated: 'policies off, nothing stated',
} as const;

export interface IsolationResults {
  readonly preliminary: boolean;
  readonly date: string;
  readonly machine: string;
  readonly postgres: string;
  readonly commit: string;
  readonly rounds: number;
  readonly seconds: number;
  /** By label. */
  readonly counts: Readonly<Record<string, Readonly<Partial<Record<QueryId, RequestCounts>>>>>;
  readonly samples: readonly Sample[];
}

/** A long run can be made in pieces: queries that were measured now take the place of their figures before. */
export function addTo(
  before: IsolationResults | undefined,
  now: IsolationResults,
): IsolationResults {
  const measured = new Set(now.samples.map(({ query }) => query));
  const samples = [
    ...(before?.samples ?? []).filter(({ query }) => !measured.has(query)),
    ...now.samples,
  ].sort((a, b) => a.query.localeCompare(b.query));
  const counts = Object.fromEntries(
    Object.entries(now.counts).map(([label, found]) => [
      label,
      { ...before?.counts[label], ...found },
    ]),
  );
  return { ...now, samples, counts };
}

export function renderIsolation(results: IsolationResults): string {
  const { samples, counts } = results;
  const queries = [...new Set(samples.map(({ query }) => query))];
  const connections = [...new Set(samples.map((sample) => sample.connections))];
  const ratio = (query: QueryId, at: number, to: string, figure: Picked): Ratio | undefined =>
    ratioWithinRounds(samples, { query, connections: at, of: LABELS.on, to }, figure);
  const others = [LABELS.unguarded, LABELS.unstated, LABELS.again] as const;
  const rows = connections.flatMap((at) =>
    queries.flatMap((query) =>
      others.map((other) => [
        query.toUpperCase(),
        String(at),
        other,
        showRatio(ratio(query, at, other, 'requestsPerSecond')),
        showRatio(ratio(query, at, other, 'serverCpu')),
        showRatio(ratio(query, at, other, 'postgresCpu')),
        showRatio(ratio(query, at, other, 'cpu')),
      ]),
    ),
  );
  const absolute = queries.flatMap((query) =>
    [LABELS.on, LABELS.unguarded, LABELS.unstated].map((label) => {
      const own = samples.filter((sample) => sample.query === query && sample.label === label);
      const counted = counts[label]?.[query];
      const middle = (figure: Picked): string =>
        Math.round(median(own.map((sample) => pick(sample, figure)))).toLocaleString('en-US');
      return [
        query.toUpperCase(),
        label,
        middle('requestsPerSecond'),
        `${middle('serverCpu')} + ${middle('postgresCpu')}`,
        counted === undefined ? '–' : `${counted.statements} + ${counted.transactionStatements}`,
      ];
    }),
  );
  return [
    ...(results.preliminary ? ['**Preliminary: short rounds.**', ''] : []),
    `${results.date.slice(0, 10)}, cloister ${results.commit}, ${results.machine}, PostgreSQL ${results.postgres}; ${results.rounds} rounds of ${results.seconds} s.`,
    '',
    'Isolation on ÷ another, within a round: median (lowest–highest). Requests/s may be at least 0.90.',
    '',
    ...table(
      ['query', 'connections', 'on ÷ this', 'requests/s', 'server CPU', 'Postgres CPU', 'both'],
      rows,
    ),
    '',
    ...table(['query', '', 'requests/s', 'CPU µs', 'statements + transaction'], absolute),
    '',
    ...queries.map((query) => `- ${query.toUpperCase()}: ${QUERY_TITLES[query]}`),
  ].join('\n');
}
