import type { Sample } from './measure';
import { ratioWithinRounds, showRatio } from './ratios';

const sample = (round: number, label: string, requestsPerSecond: number): Sample<string> => ({
  round,
  query: 'q1',
  connections: 8,
  label,
  requestsPerSecond,
  p50Ms: 1,
  p99Ms: 1,
  serverCpu: 1,
  postgresCpu: 1,
  megabytes: 1,
});
const pair = { query: 'q1', connections: 8, of: 'a', to: 'b' };

it('a ratio is taken within a round, so that weather all share does not count', () => {
  const samples = [
    sample(0, 'a', 90),
    sample(0, 'b', 100),
    sample(1, 'a', 9),
    sample(1, 'b', 10),
    sample(2, 'a', 50),
    sample(2, 'b', 100),
  ];
  expect(ratioWithinRounds(samples, pair, 'requestsPerSecond')).toEqual({
    median: 0.9,
    low: 0.5,
    high: 0.9,
  });
});

it('a round that lacks one of the two says nothing', () => {
  const samples = [sample(0, 'a', 90), sample(1, 'b', 100)];
  expect(ratioWithinRounds(samples, pair, 'requestsPerSecond')).toBeUndefined();
});

it('a ratio is shown with how far its rounds are apart', () => {
  expect(showRatio({ median: 0.934, low: 0.9, high: 1 })).toBe('0.93 (0.90–1.00)');
  expect(showRatio(undefined)).toBe('–');
});
