import { parseScaleOptions } from './scale-options';
import { renderScale, type PartResult } from './scale-report';

const summary = (change: object = {}) => ({
  requests: 10,
  perSecond: 5,
  refusedPerSecond: 0,
  p50Ms: 1,
  p99Ms: 2,
  maxMs: 3,
  errors: {},
  ...change,
});
const part = (name: PartResult['part'], figures: unknown): PartResult => ({
  part: name,
  date: '2026-01-02T03:04:05.000Z',
  commit: 'abc',
  size: { shared: 60, sources: 3, dedicated: 12, registered: 300 },
  making: { shared: 40 },
  budget: 10,
  pgbouncer: false,
  seconds: 1,
  figures,
});
const render = (...parts: PartResult[]) => renderScale({ machine: 'm', preliminary: false, parts });

describe('the report of the scale harness', () => {
  it('shows to whom a flood brought errors, and how much it slowed the quiet tenant down', () => {
    const rounds = [{ alone: summary(), flooded: summary({ p99Ms: 2.1 }) }];
    const text = render(
      part('flood', [
        {
          what: 'flood',
          where: 'same data source',
          rounds,
          p50Ratio: 1,
          p99Ratio: 1.05,
          quietErrors: {},
          floodPerSecond: 100,
          floodRefusedPerSecond: 900,
          floodErrors: { RATE_LIMITED: 1234 },
        },
      ]),
    );
    expect(text).toContain('60 over 3 shared databases and 12 with a database of their own');
    expect(text).toMatch(
      /same data source \|\s+1\.0 \/ 2\.0 \|\s+1\.0 \/ 2\.1 \|\s+1\.00 \|\s+1\.05 \|\s+none \|\s+100, 900 \| RATE_LIMITED 1,234/,
    );
  });

  it('shows the most connections beside what was allowed', () => {
    const connections = {
      samples: 9,
      tenants: 19,
      registry: 4,
      byApplication: {},
      byProcess: [10, 9],
    };
    const driven = { ...summary({ errors: { OVERLOADED: 2 } }), groups: {} };
    const text = render(
      part('processes', [{ what: 'by Zipf', processes: 2, budget: 10, driven, connections }]),
    );
    expect(text).toMatch(/19 \|\s+10, 9 \|\s+2 × 10 \|\s+4 \| OVERLOADED 2/);
  });
});

describe('the options of the scale harness', () => {
  it('run all parts over a full fleet unless something else is said', () => {
    expect(parseScaleOptions([])).toMatchObject({
      size: { shared: 1000, sources: 10, dedicated: 300, registered: 10_000 },
      budget: 80,
      parts: ['cold', 'memory', 'load', 'flood', 'databases', 'processes'],
    });
  });

  it('register at least those that work', () => {
    const options = parseScaleOptions(['--shared', '50', '--dedicated', '5', '--registered', '10']);
    expect(options).toMatchObject({ size: { registered: 55 } });
  });

  it('are refused when they make no sense, saying what was expected', () => {
    expect(() => parseScaleOptions(['--shared', 'many'])).toThrow(
      'Expected --shared to be a whole number from 1 to 100000, but got "many".',
    );
    expect(() => parseScaleOptions(['--parts', 'cold,hot'])).toThrow('but got "hot"');
  });
});
