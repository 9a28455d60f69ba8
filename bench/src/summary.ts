/** Medians over the rounds; ratios are taken within a round, then their median. */
import type { RequestCounts } from './counting';
import type { Sample } from './measure';
import type { QueryId } from './queries';

export interface Figures {
  readonly query: QueryId;
  readonly connections: number;
  readonly label: string;
  readonly requestsPerSecond: number;
  /** Within a round; absent when the other was not measured. */
  readonly ofLimit?: number;
  readonly timesPostgraphile?: number;
  readonly serverCpuOfLimit?: number;
  /** In a comparison of two commits: of the first of them. */
  readonly ofBaseline?: number;
  readonly serverCpuOfBaseline?: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly serverCpu: number;
  readonly postgresCpu: number;
}

export interface TargetFacts {
  readonly label: string;
  readonly isolation: string;
  readonly nodeVersion: string;
  readonly idleMegabytes: number;
  readonly busyMegabytes: number;
  readonly counts: Readonly<Partial<Record<QueryId, RequestCounts>>>;
}

export interface Results {
  readonly preliminary: boolean;
  readonly date: string;
  readonly machine: string;
  readonly postgres: string;
  readonly commit: string;
  /** The first of two commits that are compared. */
  readonly baseline?: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly targets: readonly TargetFacts[];
  readonly figures: readonly Figures[];
  readonly samples: readonly Sample[];
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

export function summarise(samples: readonly Sample[], baseline?: string): readonly Figures[] {
  const cells = new Map<string, Sample[]>();
  for (const sample of samples) {
    const key = `${sample.query} ${sample.connections} ${sample.label}`;
    cells.set(key, [...(cells.get(key) ?? []), sample]);
  }
  return [...cells.values()].flatMap((rounds) => {
    const [one] = rounds;
    if (one === undefined) return [];
    const { query, connections, label } = one;
    const of = (pick: (sample: Sample) => number): number => median(rounds.map(pick));
    const ratio = (
      other: string | undefined,
      pick: (sample: Sample) => number,
    ): number | undefined => {
      const others = cells.get(`${query} ${connections} ${other}`);
      if (others === undefined) return undefined;
      return median(
        rounds.flatMap((sample) => {
          const pair = others.find(({ round }) => round === sample.round);
          return pair === undefined ? [] : [pick(sample) / pick(pair)];
        }),
      );
    };
    const ofLimit = ratio('limit', (sample) => sample.requestsPerSecond);
    const timesPostgraphile = ratio('postgraphile', (sample) => sample.requestsPerSecond);
    const serverCpuOfLimit = ratio('limit', (sample) => sample.serverCpu);
    const ofBaseline = ratio(baseline, (sample) => sample.requestsPerSecond);
    const serverCpuOfBaseline = ratio(baseline, (sample) => sample.serverCpu);
    return [
      {
        query,
        connections,
        label,
        requestsPerSecond: of((sample) => sample.requestsPerSecond),
        ...(ofLimit === undefined ? {} : { ofLimit }),
        ...(timesPostgraphile === undefined ? {} : { timesPostgraphile }),
        ...(serverCpuOfLimit === undefined ? {} : { serverCpuOfLimit }),
        ...(ofBaseline === undefined ? {} : { ofBaseline }),
        ...(serverCpuOfBaseline === undefined ? {} : { serverCpuOfBaseline }),
        p50Ms: of((sample) => sample.p50Ms),
        p99Ms: of((sample) => sample.p99Ms),
        serverCpu: of((sample) => sample.serverCpu),
        postgresCpu: of((sample) => sample.postgresCpu),
      },
    ];
  });
}
