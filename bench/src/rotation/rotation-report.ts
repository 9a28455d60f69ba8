/** What many tenants cost, as Markdown. */
import type { Sample } from '../measure';
import type { DataSize } from '../dataset';
import { QUERY_TITLES } from '../queries';
import { pick, ratioWithinRounds, showRatio, type Picked } from '../ratios';
import { table } from '../report';
import { median } from '../summary';
import type { Pass } from './ask-each-once';

export const ONE = 'one tenant';

export interface RotationResults {
  readonly preliminary: boolean;
  readonly date: string;
  readonly machine: string;
  readonly postgres: string;
  readonly commit: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly size: DataSize;
  readonly sharedBuffers: string;
  /** Label of all of them. */
  readonly many: string;
  readonly firstPass: {
    readonly cold: Pass;
    readonly warm: Pass;
    readonly emptyMegabytes: number;
    readonly warmMegabytes: number;
  };
  readonly samples: readonly Sample[];
}

export function renderRotation(results: RotationResults): string {
  const { samples, many, size, firstPass } = results;
  const queries = [...new Set(samples.map(({ query }) => query))];
  const connections = [...new Set(samples.map((sample) => sample.connections))];
  const rows = connections.flatMap((at) =>
    queries.map((query) => {
      const own = (label: string, figure: Picked): number =>
        median(
          samples
            .filter((s) => s.query === query && s.connections === at && s.label === label)
            .map((sample) => pick(sample, figure)),
        );
      const ratio = (figure: Picked): string =>
        showRatio(
          ratioWithinRounds(samples, { query, connections: at, of: many, to: ONE }, figure),
        );
      return [
        query.toUpperCase(),
        String(at),
        whole(own(ONE, 'requestsPerSecond')),
        whole(own(many, 'requestsPerSecond')),
        ratio('requestsPerSecond'),
        ratio('serverCpu'),
        ratio('postgresCpu'),
        ratio('cpu'),
        `${own(ONE, 'p99Ms').toFixed(1)} / ${own(many, 'p99Ms').toFixed(1)}`,
      ];
    }),
  );
  const pass = (name: string, { requests, seconds, p50Ms, p99Ms, maxMs }: Pass): string[] => [
    name,
    whole(requests / seconds),
    p50Ms.toFixed(1),
    p99Ms.toFixed(1),
    maxMs.toFixed(1),
  ];
  const { cold, warm, emptyMegabytes, warmMegabytes } = firstPass;
  return [
    ...(results.preliminary ? ['**Preliminary: short rounds.**', ''] : []),
    `${results.date.slice(0, 10)}, cloister ${results.commit}, ${results.machine}, PostgreSQL ${results.postgres} with ${results.sharedBuffers} of shared buffers; ${results.rounds} rounds of ${results.seconds} s.`,
    '',
    `${many} in one shared data source, each with ${whole(size.accounts / size.tenants)} accounts, ${whole(size.contacts / size.tenants)} contacts, ${whole(size.opportunities / size.tenants)} opportunities, ${whole(size.events / size.tenants)} events. All in turn ÷ one of them with as many sessions, within a round: median (lowest–highest).`,
    '',
    ...table(
      [
        'query',
        'connections',
        `requests/s, ${ONE}`,
        many,
        'ratio',
        'server CPU',
        'Postgres CPU',
        'both',
        'ms p99',
      ],
      rows,
    ),
    '',
    'The first visit of each tenant to a process that knows none (Q1, 8 connections), and the second:',
    '',
    ...table(
      ['', 'tenants/s', 'ms p50', 'ms p99', 'ms at most'],
      [pass('first', cold), pass('second', warm)],
    ),
    '',
    `Memory of the process: ${whole(emptyMegabytes)} MB before, ${whole(warmMegabytes)} MB after the first pass.`,
    '',
    ...queries.map((query) => `- ${query.toUpperCase()}: ${QUERY_TITLES[query]}`),
  ].join('\n');
}

const whole = (value: number): string => Math.round(value).toLocaleString('en-US');
