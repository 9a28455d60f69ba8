import { decades, renderGrowthPlot } from './growth-plot';
import type { GrowthQuery } from './growth-queries';
import { growingPlaces, growthPower, renderGrowth, type GrowthResults } from './growth-report';

const sample = (label: string, query: GrowthQuery, postgresCpu: number) => ({
  round: 0,
  query,
  connections: 1,
  label,
  requestsPerSecond: 1,
  p50Ms: postgresCpu / 1000,
  p99Ms: 1,
  serverCpu: 1,
  postgresCpu,
  megabytes: 1,
});

const results: GrowthResults = {
  preliminary: false,
  date: '2026-01-01T00:00:00Z',
  machine: 'a machine',
  postgres: '18',
  sharedBuffers: '1GB',
  commit: 'abc',
  rounds: 1,
  seconds: 1,
  places: [
    { label: 'large', accounts: 100_000, total: 100_000 },
    { label: 'small', accounts: 1000, total: 1000 },
    { label: 'shared', accounts: 1000, total: 100_000 },
  ],
  samples: [
    sample('small', 'byId', 100),
    sample('large', 'byId', 100),
    sample('shared', 'byId', 110),
    sample('small', 'counted', 200),
    sample('large', 'counted', 20_000),
    sample('shared', 'counted', 210),
  ],
};

it('what costs the same at every size grows by the power of 0', () => {
  expect(growthPower(results, 'byId', 'postgresCpu')).toBe(0);
});

it('what costs a hundred times as much at a hundred times the size grows by the power of 1', () => {
  expect(growthPower(results, 'counted', 'postgresCpu')).toBeCloseTo(1, 9);
});

it('a data source that many share is no step of the growth of one tenant', () => {
  expect(growingPlaces(results).map(({ label }) => label)).toEqual(['small', 'large']);
});

it('the report has a column for every place', () => {
  expect(renderGrowth(results)).toMatch(/query +\| +large \| +small \| +shared \| +power/);
});

it('axes are whole powers of ten that hold every value', () => {
  expect(decades([3, 450])).toEqual([0, 1, 2, 3]);
  expect(decades([10])).toEqual([1, 2]);
  expect(decades([])).toEqual([0, 1]);
});

it('the plot has a line for each query and a ring for the shared data source, in both panels', () => {
  const picture = renderGrowthPlot(results);
  expect(picture.match(/<polyline/g)).toHaveLength(4);
  expect(picture.match(/r="5" fill="none"/g)).toHaveLength(4);
  expect(picture).not.toContain('NaN');
});
