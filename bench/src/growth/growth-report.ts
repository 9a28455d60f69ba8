/** The cost by size as Markdown. */
import type { Sample } from '../measure';
import { table } from '../report';
import { median } from '../summary';
import { GROWTH_TITLES, type GrowthQuery } from './growth-queries';

export interface GrowthResults {
  readonly preliminary: boolean;
  readonly date: string;
  readonly machine: string;
  readonly postgres: string;
  readonly sharedBuffers: string;
  readonly commit: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly places: readonly {
    readonly label: string;
    readonly accounts: number;
    readonly total: number;
  }[];
  readonly samples: readonly Sample<GrowthQuery>[];
}

export type GrowthFigure = 'postgresCpu' | 'p50Ms' | 'serverCpu';

/** Median over the rounds. */
export const costOf = (
  { samples }: Pick<GrowthResults, 'samples'>,
  query: GrowthQuery,
  label: string,
  figure: GrowthFigure,
): number =>
  median(
    samples
      .filter((sample) => sample.query === query && sample.label === label)
      .map((sample) => sample[figure]),
  );

/** The places of one tenant each, the smallest first. */
export const growingPlaces = ({ places }: Pick<GrowthResults, 'places'>) =>
  places.filter(({ accounts, total }) => accounts === total).sort((a, b) => a.total - b.total);

/**
 * By how much the cost grows when the tenant grows tenfold, as a power: 0 is flat, 1 is linear. Of the
 * whole way from the smallest to the largest.
 */
export function growthPower(
  results: GrowthResults,
  query: GrowthQuery,
  figure: GrowthFigure,
): number {
  const growing = growingPlaces(results);
  const [first, last] = [growing[0], growing.at(-1)];
  if (first === undefined || last === undefined || first === last) return Number.NaN;
  return (
    Math.log(
      costOf(results, query, last.label, figure) / costOf(results, query, first.label, figure),
    ) / Math.log(last.total / first.total)
  );
}

export function renderGrowth(results: GrowthResults): string {
  const queries = [...new Set(results.samples.map(({ query }) => query))];
  const figureTable = (figure: GrowthFigure, show: (value: number) => string): string[] =>
    table(
      ['query', ...results.places.map(({ label }) => label), 'power'],
      queries.map((query) => [
        GROWTH_TITLES[query],
        ...results.places.map(({ label }) => show(costOf(results, query, label, figure))),
        growthPower(results, query, figure).toFixed(2),
      ]),
    );
  const whole = (value: number): string => Math.round(value).toLocaleString('en-US');
  return [
    ...(results.preliminary ? ['**Preliminary: short rounds.**', ''] : []),
    `${results.date.slice(0, 10)}, cloister ${results.commit}, ${results.machine}, PostgreSQL ${results.postgres} with ${results.sharedBuffers} of shared buffers; medians of ${results.rounds} rounds of ${results.seconds} s, one request at a time.`,
    '',
    'Columns: accounts of the tenant (as many contacts, opportunities and events); the last is a data source that so many tenants of so many share. Power: of the growth from the smallest to the largest tenant, 0 is flat, 1 is linear.',
    '',
    'Microseconds of Postgres’ CPU for each request:',
    '',
    ...figureTable('postgresCpu', whole),
    '',
    'Milliseconds until the answer, median:',
    '',
    ...figureTable('p50Ms', (value) => value.toFixed(2)),
  ].join('\n');
}
