/** Cost against size, both logarithmic: a line that lies flat does not grow, one at 45° is linear. */
import { GROWTH_TITLES, type GrowthQuery } from './growth-queries';
import { costOf, growingPlaces, type GrowthFigure, type GrowthResults } from './growth-report';

const COLOURS: Readonly<Record<GrowthQuery, string>> = {
  byId: '#0b7a75',
  first: '#1f4e8c',
  deep: '#5b9bd5',
  filtered: '#7a5195',
  sorted: '#bc5090',
  counted: '#d1495b',
  email: '#2e8b57',
  address: '#edae49',
  words: '#8d6e63',
};

const PANEL = 380;
const HEIGHT = 340;
const TOP = 52;
const LEFT = 84;
const GAP = 84;
const LEGEND_LINE = 18;

const PANELS: readonly { readonly figure: GrowthFigure; readonly title: string }[] = [
  { figure: 'postgresCpu', title: 'Postgres’ CPU for each request, µs' },
  { figure: 'p50Ms', title: 'Until the answer, ms (median)' },
];

/** Whole powers of ten that hold all the values. */
export function decades(values: readonly number[]): readonly number[] {
  const logs = values.filter((value) => value > 0).map(Math.log10);
  if (logs.length === 0) return [0, 1];
  const from = Math.floor(Math.min(...logs));
  const to = Math.max(from + 1, Math.ceil(Math.max(...logs)));
  return Array.from({ length: to - from + 1 }, (_, step) => from + step);
}

export function renderGrowthPlot(results: GrowthResults): string {
  const queries = [...new Set(results.samples.map(({ query }) => query))];
  const legendTop = TOP + HEIGHT + 58;
  const width = LEFT + 2 * PANEL + GAP + 40;
  const height = legendTop + (Math.ceil(queries.length / 2) + 1) * LEGEND_LINE;
  const legend = queries.map((query, index) => {
    const x = LEFT + (index % 2) * (PANEL + GAP);
    const y = legendTop + Math.floor(index / 2) * LEGEND_LINE;
    return `<line x1="${x}" x2="${x + 22}" y1="${y}" y2="${y}" stroke="${COLOURS[query]}" stroke-width="2.5"/>
  <text x="${x + 30}" y="${y + 4}">${GROWTH_TITLES[query]}</text>`;
  });
  const shared = results.places.find(({ accounts, total }) => accounts !== total);
  const note =
    shared === undefined
      ? ''
      : `<text x="${LEFT}" y="${height - 8}" fill="#666666">○ tenants of ${shared.accounts.toLocaleString('en-US')} accounts in a data source shared by ${(shared.total / shared.accounts).toLocaleString('en-US')}, at the size of the data source</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="12" fill="#222222">
  <rect width="${width}" height="${height}" fill="#ffffff"/>
  <text x="${LEFT}" y="20" font-size="14">Cost of a query by accounts of the tenant${results.preliminary ? ' (preliminary)' : ''}</text>
  ${PANELS.map(({ figure, title }, at) => panel(results, queries, figure, title, LEFT + at * (PANEL + GAP))).join('\n  ')}
  ${legend.join('\n  ')}
  ${note}
</svg>
`;
}

function panel(
  results: GrowthResults,
  queries: readonly GrowthQuery[],
  figure: GrowthFigure,
  title: string,
  left: number,
): string {
  const cost = (query: GrowthQuery, label: string): number => costOf(results, query, label, figure);
  const xs = decades(results.places.map(({ total }) => total));
  const ys = decades(
    queries.flatMap((query) => results.places.map(({ label }) => cost(query, label))),
  );
  const scale = (ticks: readonly number[], value: number): number =>
    (Math.log10(value) - (ticks[0] ?? 0)) / ((ticks.at(-1) ?? 1) - (ticks[0] ?? 0));
  const x = (total: number): number => left + PANEL * scale(xs, total);
  const y = (value: number): number => TOP + HEIGHT * (1 - scale(ys, value));
  const grid = [
    ...ys.map((power) => {
      const at = y(10 ** power);
      return `<line x1="${left}" x2="${left + PANEL}" y1="${at}" y2="${at}" stroke="#dddddd"/>
  <text x="${left - 8}" y="${at + 4}" text-anchor="end">${plain(10 ** power)}</text>`;
    }),
    ...xs.map((power) => {
      const at = x(10 ** power);
      return `<line x1="${at}" x2="${at}" y1="${TOP}" y2="${TOP + HEIGHT}" stroke="#dddddd"/>
  <text x="${at}" y="${TOP + HEIGHT + 18}" text-anchor="middle">${plain(10 ** power)}</text>`;
    }),
  ];
  const lines = queries.map((query) => {
    const points = growingPlaces(results).map(({ label, total }) => ({
      at: x(total),
      level: y(cost(query, label)),
    }));
    const colour = COLOURS[query];
    const shared = results.places.filter(({ accounts, total }) => accounts !== total);
    return [
      `<polyline points="${points.map(({ at, level }) => `${at.toFixed(1)},${level.toFixed(1)}`).join(' ')}" fill="none" stroke="${colour}" stroke-width="2.5"/>`,
      ...points.map(
        ({ at, level }) =>
          `<circle cx="${at.toFixed(1)}" cy="${level.toFixed(1)}" r="3" fill="${colour}"/>`,
      ),
      ...shared.map(
        ({ label, total }) =>
          `<circle cx="${x(total).toFixed(1)}" cy="${y(cost(query, label)).toFixed(1)}" r="5" fill="none" stroke="${colour}" stroke-width="1.5"/>`,
      ),
    ].join('\n  ');
  });
  return [
    `<text x="${left}" y="40">${title}</text>`,
    ...grid,
    ...lines,
    `<text x="${left + PANEL / 2}" y="${TOP + HEIGHT + 36}" text-anchor="middle">accounts</text>`,
  ].join('\n  ');
}

const plain = (value: number): string =>
  value < 1 ? String(value) : value.toLocaleString('en-US', { maximumFractionDigits: 0 });
