/** Ratios of two that were measured in the same rounds. */
import type { Sample } from './measure';
import { median } from './summary';

export interface Ratio {
  readonly median: number;
  /** The lowest and the highest of the rounds, for how far they may be believed. */
  readonly low: number;
  readonly high: number;
}

export type Picked = 'requestsPerSecond' | 'p50Ms' | 'p99Ms' | 'serverCpu' | 'postgresCpu' | 'cpu';

/** @param figure `cpu` is that of the server and of Postgres together. */
export const pick = (sample: Sample<string>, figure: Picked): number =>
  figure === 'cpu' ? sample.serverCpu + sample.postgresCpu : sample[figure];

export interface Pair {
  readonly query: string;
  readonly connections: number;
  readonly of: string;
  readonly to: string;
}

/** @returns undefined when no round has both. */
export function ratioWithinRounds(
  samples: readonly Sample<string>[],
  { query, connections, of, to }: Pair,
  figure: Picked,
): Ratio | undefined {
  const cell = samples.filter((s) => s.query === query && s.connections === connections);
  const ratios = cell
    .filter(({ label }) => label === of)
    .flatMap((sample) => {
      const other = cell.find(({ label, round }) => label === to && round === sample.round);
      return other === undefined ? [] : [pick(sample, figure) / pick(other, figure)];
    })
    .filter(Number.isFinite);
  if (ratios.length === 0) return undefined;
  return { median: median(ratios), low: Math.min(...ratios), high: Math.max(...ratios) };
}

export const showRatio = (ratio: Ratio | undefined): string =>
  ratio === undefined
    ? '–'
    : `${ratio.median.toFixed(2)} (${ratio.low.toFixed(2)}–${ratio.high.toFixed(2)})`;
