/** The command line of the scale harness. */
import { parseArgs } from 'node:util';
import { UsageError } from '../options';

/** In the order in which they are run. */
export const PART_NAMES = ['cold', 'memory', 'load', 'flood', 'databases', 'processes'] as const;
export type PartName = (typeof PART_NAMES)[number];

export interface FleetSize {
  /** Tenants in shared data sources that work. */
  readonly shared: number;
  readonly sources: number;
  /** Tenants with a database of their own. */
  readonly dedicated: number;
  /** All tenants of the registry; those beyond shared and dedicated never work. */
  readonly registered: number;
}

export interface ScaleOptions {
  readonly quick: boolean;
  readonly size: FleetSize;
  /** Connections that each server process may open: CONNECTION_BUDGET. */
  readonly budget: number;
  readonly parts: readonly PartName[];
  /** Of every timed load. */
  readonly seconds: number;
  /** Of the comparison with and without a flood. */
  readonly rounds: number;
  /** Which kinds of flood, by number from 1; all without it. */
  readonly floods: readonly number[] | undefined;
  /** Where the fleet is kept for the next run; without it, it goes with the run. */
  readonly home: string | undefined;
  readonly pgbouncer: boolean;
  readonly processes: readonly number[];
  /** Each tenant's requests go to one of the processes. */
  readonly sticky: boolean;
  readonly maxMinutes: number;
}

export const SCALE_HELP = `npm run bench -- scale [options]

  --quick                 a small fleet and short loads: does it all work? some two minutes
  --shared 1000 --sources 10 --dedicated 300 --registered 10000
                          how many tenants, and over how many shared databases
  --budget 80             connections each server process may open (CONNECTION_BUDGET)
  --parts a,b             these parts (${PART_NAMES.join(', ')}); "none" only makes the fleet
  --seconds 5             how long each load lasts
  --rounds 7              how often the flood is compared with its absence, in turn
  --floods 1,2,3          these kinds of flood: at ten times a plan, without a pause, without a limit
  --home folder           keeps the fleet there, and takes the one that is there
  --pgbouncer             PgBouncer in transaction mode before every data source
  --processes 1,2,4       for the part "processes"
  --sticky                there: all requests of a tenant go to the same process
  --max-minutes 60        give up after this long
`;

const FULL: FleetSize = { shared: 1000, sources: 10, dedicated: 300, registered: 10_000 };
const QUICK: FleetSize = { shared: 60, sources: 3, dedicated: 12, registered: 300 };

export function parseScaleOptions(args: readonly string[]): ScaleOptions | 'help' {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { ...flag, short: 'h' },
      quick: flag,
      ...{ shared: text, sources: text, dedicated: text, registered: text },
      ...{ budget: text, parts: text, seconds: text, rounds: text, floods: text },
      ...{ home: text, processes: text },
      pgbouncer: flag,
      sticky: flag,
      'max-minutes': text,
    },
  });
  if (values.help) return 'help';
  const { quick } = values;
  const usual = quick ? QUICK : FULL;
  const shared = whole('--shared', values.shared ?? String(usual.shared), 100_000);
  const dedicated = whole('--dedicated', values.dedicated ?? String(usual.dedicated), 5000);
  return {
    quick,
    size: {
      shared,
      sources: whole('--sources', values.sources ?? String(usual.sources), 1000),
      dedicated,
      registered: Math.max(
        shared + dedicated,
        whole('--registered', values.registered ?? String(usual.registered), 1_000_000),
      ),
    },
    budget: whole('--budget', values.budget ?? (quick ? '10' : '80'), 1000),
    parts: partsOf(values.parts),
    seconds: whole('--seconds', values.seconds ?? (quick ? '1' : '5'), 120),
    rounds: whole('--rounds', values.rounds ?? (quick ? '2' : '7'), 50),
    floods: values.floods?.split(',').map((number) => whole('--floods', number, 3)),
    home: values.home,
    pgbouncer: values.pgbouncer,
    processes: (values.processes ?? (quick ? '1,2' : '1,2,4'))
      .split(',')
      .map((count) => whole('--processes', count, 16)),
    sticky: values.sticky,
    maxMinutes: whole('--max-minutes', values['max-minutes'] ?? '60', 600),
  };
}

function partsOf(given: string | undefined): readonly PartName[] {
  if (given === undefined) return PART_NAMES;
  if (given === 'none') return [];
  const names = given.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !PART_NAMES.some((part) => part === name));
  if (unknown !== undefined) {
    throw new UsageError(
      `Expected --parts to name some of ${PART_NAMES.join(', ')}, but got "${unknown}".`,
    );
  }
  return PART_NAMES.filter((part) => names.includes(part));
}

function whole(name: string, text: string, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new UsageError(
    `Expected ${name} to be a whole number from 1 to ${max}, but got "${text}".`,
  );
}
