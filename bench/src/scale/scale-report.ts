/** The figures of the scale harness as Markdown, a table for each part. */
import { table } from '../report';
import type { FleetSize, PartName } from './scale-options';
import type { Summary } from './latencies';
import type { ColdRow } from './parts/cold.part';
import type { DatabasesRow } from './parts/databases.part';
import type { FloodRow } from './parts/flood.part';
import type { LoadRow } from './parts/load.part';
import type { MemoryFigures } from './parts/memory.part';

export interface PartResult {
  readonly part: PartName;
  readonly date: string;
  readonly commit: string;
  readonly size: FleetSize;
  /** Registrations per second, by placement. */
  readonly making: Readonly<Record<string, number>>;
  readonly budget: number;
  readonly pgbouncer: boolean;
  readonly seconds: number;
  /** What of the part was measured, if not all. */
  readonly variant?: string;
  readonly figures: unknown;
}

export interface ScaleResults {
  readonly machine: string;
  readonly preliminary: boolean;
  readonly parts: readonly PartResult[];
}

export function renderScale({ machine, preliminary, parts }: ScaleResults): string {
  const [first] = parts;
  if (first === undefined) return 'Nothing was measured.';
  const { size, making } = first;
  const sections = parts.flatMap((part) => [
    `### ${TITLES[part.part]}${part.pgbouncer ? ', through PgBouncer' : ''}`,
    '',
    `${part.date.slice(0, 16).replace('T', ' ')}, cloister ${part.commit}, budget ${part.budget} connections for each process.`,
    '',
    ...RENDERERS[part.part](part.figures),
    '',
  ]);
  return [
    ...(preliminary ? ['**Preliminary: a small fleet, to see that everything works.**', ''] : []),
    `${size.registered} tenants registered; of them ${size.shared} over ${size.sources} shared databases and ${size.dedicated} with a database of their own work. ${machine}.`,
    ...(Object.keys(making).length === 0
      ? []
      : [
          `Registrations per second: ${Object.entries(making)
            .map(([kind, rate]) => `${kind} ${rate.toFixed(1)}`)
            .join(', ')}.`,
        ]),
    '',
    ...sections,
  ].join('\n');
}

const TITLES: Readonly<Record<PartName, string>> = {
  cold: 'A tenant’s first answer',
  memory: 'Memory of a server process',
  load: 'Every tenant on one process',
  flood: 'A quiet tenant beside one that floods',
  databases: 'More databases than connections',
  processes: 'Several server processes',
};

const RENDERERS: Readonly<Record<PartName, (figures: unknown) => string[]>> = {
  cold: (figures) => coldTable(figures as readonly ColdRow[]),
  memory: (figures) => memoryTable(figures as MemoryFigures),
  load: (figures) => loadTable(figures as readonly LoadRow[]),
  flood: (figures) => floodTable(figures as readonly FloodRow[]),
  databases: (figures) => databasesTable(figures as readonly DatabasesRow[]),
  processes: (figures) => loadTable(figures as readonly LoadRow[]),
};

const coldTable = (rows: readonly ColdRow[]): string[] =>
  table(
    ['ms p50 / p99', 'tenants', 'never met', 'again at once', 'later', 'errors'],
    rows
      .filter(({ cold }) => cold.requests > 0)
      .map(({ what, cold, warm, later }) => [
        what,
        whole(cold.requests),
        times(cold),
        times(warm),
        later === undefined ? '–' : times(later),
        codes([cold, warm, ...(later === undefined ? [] : [later])]),
      ]),
  );

const memoryTable = ({ rows, idleMegabytes, busyMegabytes, errors }: MemoryFigures): string[] => [
  ...table(
    ['a tenant that is', 'tenants', 'kB heap and buffers'],
    rows.map(({ what, tenants, kilobytes }) => [what, whole(tenants), kilobytes.toFixed(1)]),
  ),
  '',
  `Resident: ${whole(idleMegabytes)} MB just started, ${whole(busyMegabytes)} MB after all. Errors meanwhile: ${codes([{ errors }])}.`,
];

const loadTable = (rows: readonly LoadRow[]): string[] =>
  table(
    [
      'load',
      'processes',
      'requests/s',
      'ms p50 / p99',
      'most in Postgres for tenants',
      'most of each process',
      'allowed',
      'for the registry',
      'errors',
    ],
    rows.map(({ what, processes, budget, driven, connections }) => [
      what,
      whole(processes),
      whole(driven.perSecond),
      times(driven),
      whole(connections.tenants),
      connections.byProcess.join(', '),
      `${processes} × ${budget}`,
      whole(connections.registry),
      codes([driven]),
    ]),
  );

const floodTable = (rows: readonly FloodRow[]): string[] =>
  table(
    [
      'the flooder',
      'where',
      'quiet alone, ms p50 / p99',
      'beside the flood',
      'p50 ×',
      'p99 ×',
      'errors to the quiet one',
      'flooder served/s, refused/s',
      'refused with',
    ],
    rows.map((row) => [
      row.what,
      row.where,
      times(middle(row.rounds.map(({ alone }) => alone))),
      times(middle(row.rounds.map(({ flooded }) => flooded))),
      row.p50Ratio.toFixed(2),
      row.p99Ratio.toFixed(2),
      codes([{ errors: row.quietErrors }]),
      `${whole(row.floodPerSecond)}, ${whole(row.floodRefusedPerSecond)}`,
      codes([{ errors: row.floodErrors }]),
    ]),
  );

const databasesTable = (rows: readonly DatabasesRow[]): string[] =>
  table(
    ['databases', 'asked', 'requests/s', 'ms p50 / p99', 'connections opened/s', 'errors'],
    rows.map(({ databases, order, driven, openedPerSecond }) => [
      whole(databases),
      order,
      whole(driven.perSecond),
      times(driven),
      whole(openedPerSecond),
      codes([driven]),
    ]),
  );

/** The round that stands in the middle by its p99. */
const middle = (rounds: readonly Summary[]): Summary | undefined =>
  [...rounds].sort((a, b) => a.p99Ms - b.p99Ms)[Math.floor(rounds.length / 2)];

const times = (summary: Pick<Summary, 'p50Ms' | 'p99Ms'> | undefined): string =>
  summary === undefined ? '–' : `${few(summary.p50Ms)} / ${few(summary.p99Ms)}`;

function codes(all: readonly Pick<Summary, 'errors'>[]): string {
  const found = new Map<string, number>();
  for (const { errors } of all) {
    for (const [code, count] of Object.entries(errors))
      found.set(code, (found.get(code) ?? 0) + count);
  }
  return found.size === 0
    ? 'none'
    : [...found].map(([code, count]) => `${code} ${whole(count)}`).join(', ');
}

const whole = (value: number): string => Math.round(value).toLocaleString('en-US');
/** What was not measured is null in what is kept. */
const few = (value: number | null): string =>
  value === null || Number.isNaN(value) ? '–' : value < 10 ? value.toFixed(1) : whole(value);
