/** The command line of the bench. */
import { parseArgs } from 'node:util';
import { QUERY_IDS, type QueryId } from './queries';
import { TARGET_NAMES, type TargetName } from './target-names';
import type { DataSize } from './dataset';

export interface Options {
  readonly quick: boolean;
  readonly queries: readonly QueryId[];
  readonly targets: readonly TargetName[];
  readonly connections: readonly number[];
  readonly rounds: number;
  readonly secondsPerCell: number;
  readonly warmUpSeconds: number;
  /** The whole run is given up after this long. */
  readonly maxMinutes: number;
  readonly poolSize: number;
  /** Servers run on the Node that runs the bench. */
  readonly ownNode: boolean;
  readonly size: DataSize;
  /** Two commits of cloister to measure against each other; `.` is the working tree. */
  readonly compare: readonly [string, string] | undefined;
  /** Record a CPU profile of each cloister and print where its time went. */
  readonly profile: boolean;
  /** Accounts of a tenant, in `growth`. */
  readonly sizes: readonly number[];
  /** Where databases are kept for the next run; without it, they go with the run. */
  readonly home: string | undefined;
  /** Make and fill the databases, and measure nothing. */
  readonly fillOnly: boolean;
}

/** What a mode takes where the command line says nothing. */
export type Defaults = Readonly<
  Partial<
    Record<
      | 'only'
      | 'connections'
      | 'rounds'
      | 'seconds'
      | 'tenants'
      | 'accounts'
      | 'contacts'
      | 'opportunities'
      | 'events',
      string
    >
  >
>;

export const HELP = `npm run bench -- [options]

  --quick                 short rounds: whether everything works, not what it costs
  --only q1,q3            these queries (${QUERY_IDS.join(', ')})
  --targets a,b           these servers (${TARGET_NAMES.join(', ')})
  --connections 1,8,32    how many clients at once
  --rounds 5              how often each is measured, in turn
  --seconds 2             how long each time
  --max-minutes 60        give up after this long
  --tenants 10 --accounts 20000 --contacts 60000 --opportunities 60000 --events 40000
  --compare A B           two commits of cloister in turn; . is the working tree
  --own-node              servers run on this Node, in the place of the newest at hand
  --profile               a CPU profile of cloister, and where its time went (Node only)
  --home folder           keeps the databases there, and takes those that are there
  --fill-only             with --home: fills them and measures nothing

npm run bench -- isolation       cloister with row-level security against without
npm run bench -- rotation        1,000 tenants in turn against one
npm run bench -- growth          what a query costs in tenants of 1,000 to 1,000,000 accounts
  --sizes 1000,10000,100000,1000000

npm run bench -- scale --help    many tenants, bounded connections, fair shares
`;

export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export function parseOptions(args: readonly string[], defaults: Defaults = {}): Options | 'help' {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      targets: { type: 'string' },
      connections: { type: 'string', default: defaults.connections ?? '1,8,32' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      'max-minutes': { type: 'string', default: '60' },
      tenants: { type: 'string', default: defaults.tenants ?? '10' },
      accounts: { type: 'string', default: defaults.accounts ?? '20000' },
      contacts: { type: 'string', default: defaults.contacts ?? '60000' },
      opportunities: { type: 'string', default: defaults.opportunities ?? '60000' },
      events: { type: 'string', default: defaults.events ?? '40000' },
      compare: { type: 'string' },
      profile: { type: 'boolean', default: false },
      sizes: { type: 'string', default: '1000,10000,100000,1000000' },
      home: { type: 'string' },
      'fill-only': { type: 'boolean', default: false },
      'own-node': { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const { quick } = values;
  const second = positionals[0];
  if (values.compare === undefined && second !== undefined) {
    throw new UsageError(
      `Expected options or one of scale, isolation, rotation, growth first, but got "${second}".`,
    );
  }
  if (values['fill-only'] && values.home === undefined) {
    throw new UsageError(
      'Expected --home with --fill-only: else what is filled goes with the run.',
    );
  }
  if (values.compare !== undefined && second === undefined) {
    throw new UsageError('Expected two commits after --compare, but got one.');
  }
  const secondsPerCell = seconds(values.seconds ?? (quick ? '0.4' : (defaults.seconds ?? '2')));
  return {
    quick,
    queries: oneOf('--only', (values.only ?? defaults.only)?.toLowerCase(), QUERY_IDS, QUERY_IDS),
    targets: oneOf(
      '--targets',
      values.targets,
      TARGET_NAMES,
      values.compare === undefined ? TARGET_NAMES : ['limit', 'cloister'],
    ),
    connections: values.connections.split(',').map((text) => count('--connections', text, 256)),
    rounds: count('--rounds', values.rounds ?? (quick ? '2' : (defaults.rounds ?? '5')), 50),
    secondsPerCell,
    // A server that was idle while the others had their turns is slow in its first second.
    warmUpSeconds: Math.min(1, secondsPerCell),
    maxMinutes: count('--max-minutes', values['max-minutes'], 600),
    poolSize: 8,
    ownNode: values['own-node'],
    size: {
      tenants: count('--tenants', values.tenants, 10_000),
      accounts: count('--accounts', values.accounts, 10_000_000),
      contacts: count('--contacts', values.contacts, 10_000_000),
      opportunities: count('--opportunities', values.opportunities, 10_000_000),
      events: count('--events', values.events, 10_000_000),
    },
    compare:
      values.compare === undefined || second === undefined ? undefined : [values.compare, second],
    profile: values.profile,
    sizes: values.sizes.split(',').map((text) => count('--sizes', text, 10_000_000)),
    home: values.home,
    fillOnly: values['fill-only'],
  };
}

function oneOf<T extends string>(
  name: string,
  given: string | undefined,
  known: readonly T[],
  fallback: readonly T[],
): readonly T[] {
  if (given === undefined) return fallback;
  return given.split(',').map((text) => {
    const found = known.find((candidate) => candidate === text.trim());
    if (found !== undefined) return found;
    throw new UsageError(
      `Expected ${name} to name some of ${known.join(', ')}, but got "${text}".`,
    );
  });
}

function count(name: string, text: string, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new UsageError(
    `Expected ${name} to be a whole number from 1 to ${max}, but got "${text}".`,
  );
}

function seconds(text: string): number {
  const value = Number(text);
  if (value >= 0.1 && value <= 120) return value;
  throw new UsageError(`Expected --seconds from 0.1 to 120, but got "${text}".`);
}
