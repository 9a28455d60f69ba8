import type { Sample } from '../measure';
import type { QueryId } from '../queries';
import { addTo, LABELS, renderIsolation, type IsolationResults } from './isolation-report';

const sample = (query: QueryId, label: string, requestsPerSecond: number): Sample => ({
  round: 0,
  query,
  connections: 8,
  label,
  requestsPerSecond,
  p50Ms: 1,
  p99Ms: 1,
  serverCpu: 100,
  postgresCpu: 100,
  megabytes: 1,
});

const results = (query: QueryId, on: number): IsolationResults => ({
  preliminary: false,
  date: '2026-01-01T00:00:00Z',
  machine: 'a machine',
  postgres: '18',
  commit: 'abc',
  rounds: 1,
  seconds: 1,
  counts: {
    [LABELS.on]: { [query]: { statements: 1, transactionStatements: 1, roundTrips: 1 } },
  },
  samples: [
    sample(query, LABELS.on, on),
    sample(query, LABELS.again, on),
    sample(query, LABELS.unguarded, 100),
    sample(query, LABELS.unstated, 100),
  ],
});

it('says what isolation costs against the same server without it', () => {
  const lines = renderIsolation(results('q1', 95)).split('\n');
  const line = lines.find((text) => text.includes('nothing stated'));
  expect(line).toContain('0.95 (0.95–0.95)');
});

it('keeps what was measured before of other queries, and takes the place of the same', () => {
  const both = addTo(addTo(results('q2', 50), results('q1', 80)), results('q1', 90));
  expect(both.samples.map(({ query }) => query)).toEqual([
    ...Array(4).fill('q1'),
    ...Array(4).fill('q2'),
  ]);
  expect(both.samples[0]?.requestsPerSecond).toBe(90);
  expect(Object.keys(both.counts[LABELS.on] ?? {}).sort()).toEqual(['q1', 'q2']);
});
