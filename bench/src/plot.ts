/** Requests per second as shares of the limit, a group of bars for each query. */
import type { Results } from './summary';

const COLOURS: Readonly<Record<string, string>> = {
  ceiling: '#6c757d',
  cloister: '#0b7a75',
  postgraphile: '#d1495b',
  mercurius: '#edae49',
  tutorial: '#8d99ae',
  'tutorial-rls': '#c3cad6',
};
const SPARE_COLOURS = ['#0b7a75', '#d1495b', '#edae49', '#8d99ae'];

const BAR = 22;
const GAP = 28;
const HEIGHT = 260;
const TOP = 60;
const LEFT = 56;

export function renderPlot(results: Results, connections: number): string {
  const queries = [...new Set(results.figures.map(({ query }) => query))];
  const labels = results.targets.map(({ label }) => label).filter((label) => label !== 'limit');
  const colour = (label: string): string =>
    COLOURS[label] ?? SPARE_COLOURS[labels.indexOf(label) % SPARE_COLOURS.length] ?? '#888888';
  const shares = queries.map((query) =>
    labels.map(
      (label) =>
        results.figures.find(
          (f) => f.query === query && f.label === label && f.connections === connections,
        )?.ofLimit ?? 0,
    ),
  );
  const top = Math.max(1.1, ...shares.flat().map((share) => share * 1.08));
  const y = (share: number): number => TOP + HEIGHT * (1 - share / top);
  const group = labels.length * BAR + GAP;
  const width = LEFT + queries.length * group + 16;
  const height = TOP + HEIGHT + 36;

  const bars = queries.flatMap((query, at) => {
    const x = LEFT + at * group + GAP / 2;
    return [
      ...labels.map((label, index) => {
        const share = shares[at]?.[index] ?? 0;
        const left = x + index * BAR;
        return `<rect x="${left}" y="${y(share).toFixed(1)}" width="${BAR - 3}" height="${(y(0) - y(share)).toFixed(1)}" fill="${colour(label)}"/>
  <text x="${left + (BAR - 3) / 2}" y="${(y(share) - 4).toFixed(1)}" font-size="9" text-anchor="middle">${share.toFixed(2)}</text>`;
      }),
      `<text x="${x + (labels.length * BAR) / 2}" y="${TOP + HEIGHT + 20}" text-anchor="middle">${query.toUpperCase()}</text>`,
    ];
  });
  const grid = [0, 0.25, 0.5, 0.75, 1].map(
    (
      share,
    ) => `<line x1="${LEFT}" x2="${width - 8}" y1="${y(share)}" y2="${y(share)}" stroke="${share === 1 ? '#333333' : '#dddddd'}"/>
  <text x="${LEFT - 8}" y="${y(share) + 4}" text-anchor="end">${share === 1 ? 'limit' : share}</text>`,
  );
  const legend = labels.map(
    (
      label,
      index,
    ) => `<rect x="${LEFT + index * 100}" y="34" width="12" height="12" fill="${colour(label)}"/>
  <text x="${LEFT + index * 100 + 17}" y="44">${label}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="12" fill="#222222">
  <rect width="${width}" height="${height}" fill="#ffffff"/>
  <text x="${LEFT}" y="20" font-size="14">Requests per second as shares of the limit, ${connections} connections${results.preliminary ? ' (preliminary)' : ''}</text>
  ${[...legend, ...grid, ...bars].join('\n  ')}
</svg>
`;
}
