/** The results as Markdown, for the terminal and for docs/performance.md alike. */
import { AIMS, isMet, type Aim } from './aims';
import { QUERY_TITLES, type QueryId } from './queries';
import type { Figures, Results } from './summary';

export function renderReport(results: Results): string {
  const queries = [...new Set(results.figures.map(({ query }) => query))];
  const connections = [...new Set(results.figures.map((figures) => figures.connections))];
  return [
    ...(results.preliminary
      ? ['**Preliminary: short rounds, to see that everything works.**', '']
      : []),
    `${results.date.slice(0, 10)}, cloister ${results.commit}, ${results.machine}, PostgreSQL ${results.postgres}.`,
    `Ratios are medians of the ratios within a round. CPU: microseconds for each request, server + Postgres, at ${middle(connections)} connections.`,
    '',
    ...queries.flatMap((query) => [...queryTable(results, query, connections), '']),
    ...aimsTable(results, middle(connections)),
    ...targetTable(results),
  ].join('\n');
}

const middle = (connections: readonly number[]): number =>
  connections[Math.floor(connections.length / 2)] ?? connections[0] ?? 1;

function queryTable(results: Results, query: QueryId, connections: readonly number[]): string[] {
  const at = middle(connections);
  const rows = results.targets.map(({ label, counts }) => {
    const find = (count: number): Figures | undefined =>
      results.figures.find(
        (f) => f.query === query && f.label === label && f.connections === count,
      );
    const each = (pick: (figures: Figures) => string): string =>
      connections
        .map((count) => find(count))
        .map((f) => (f === undefined ? '–' : pick(f)))
        .join(' / ');
    const chosen = find(at);
    const counted = counts[query];
    return [
      label,
      each((f) => whole(f.requestsPerSecond)),
      each((f) => ratio(f.ofLimit)),
      each((f) => ratio(results.baseline === undefined ? f.timesPostgraphile : f.ofBaseline)),
      chosen === undefined ? '–' : `${whole(chosen.serverCpu)} + ${whole(chosen.postgresCpu)}`,
      ratio(chosen?.serverCpuOfLimit),
      ...(results.baseline === undefined ? [] : [ratio(chosen?.serverCpuOfBaseline)]),
      counted === undefined
        ? '–'
        : `${few(counted.statements)} + ${few(counted.transactionStatements)}`,
      counted === undefined ? '–' : few(counted.roundTrips),
      chosen === undefined ? '–' : `${chosen.p50Ms.toFixed(1)} / ${chosen.p99Ms.toFixed(1)}`,
    ];
  });
  return [
    `### ${query.toUpperCase()} ${QUERY_TITLES[query]}`,
    '',
    ...table(
      [
        'server',
        `requests/s at ${connections.join(' / ')}`,
        '÷ limit',
        results.baseline === undefined ? '× PostGraphile' : `÷ ${results.baseline}`,
        'CPU µs',
        'server CPU ÷ limit',
        ...(results.baseline === undefined ? [] : [`server CPU ÷ ${results.baseline}`]),
        'statements + transaction',
        'round trips',
        `ms p50 / p99 at ${at}`,
      ],
      rows,
    ),
  ];
}

function aimsTable({ figures, targets }: Results, connections: number): string[] {
  const counts = targets.find(({ label }) => label === 'cloister')?.counts;
  const rows = figures.flatMap((found) => {
    const aim = AIMS[found.query];
    if (aim === undefined || found.label !== 'cloister' || found.connections !== connections)
      return [];
    const cell = (name: keyof Aim, got: number | undefined): string =>
      got === undefined
        ? '–'
        : `${few(got)} (${aim[name]}) ${isMet(name, aim[name], got) ? 'met' : 'open'}`;
    return [
      [
        found.query.toUpperCase(),
        cell('ofLimit', found.ofLimit),
        cell('timesPostgraphile', found.timesPostgraphile),
        cell('serverCpuOfLimit', found.serverCpuOfLimit),
        cell('statements', counts?.[found.query]?.statements),
      ],
    ];
  });
  if (rows.length === 0) return [];
  return [
    `### Cloister against its aims (in brackets), ${connections} connections`,
    '',
    ...table(['query', '÷ limit', '× PostGraphile', 'server CPU ÷ limit', 'statements'], rows),
    '',
  ];
}

function targetTable({ targets }: Results): string[] {
  return [
    '### Servers',
    '',
    ...table(
      ['server', 'Node', 'tenants kept apart by', 'MB idle', 'MB after load'],
      targets.map((t) => [
        t.label,
        t.nodeVersion,
        t.isolation,
        whole(t.idleMegabytes),
        whole(t.busyMegabytes),
      ]),
    ),
  ];
}

/** Aligned, so that it reads in a terminal too. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`;
  return [
    line(head),
    `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`,
    ...rows.map(line),
  ];
}

const whole = (value: number): string => Math.round(value).toLocaleString('en-US');
const ratio = (value: number | undefined): string => (value === undefined ? '–' : value.toFixed(2));
const few = (value: number): string => String(Math.round(value * 100) / 100);
