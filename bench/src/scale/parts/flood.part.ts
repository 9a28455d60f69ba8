/**
 * What a quiet tenant notices of one that floods: its latency without and with the flood, in turn, on
 * one process; ratios are taken within a round. Beside it the same flood at a process of its own, which
 * has only Postgres and the machine in common with the quiet one: what nobody's order can help.
 */
import { median } from '../../summary';
import type { WorkingTenant } from '../fleet';
import { sendFlood } from '../flood-process';
import { addErrors, type Summary } from '../latencies';
import { drive, questionOf, type Question } from '../traffic';
import type { PartContext } from './part';
import { practise } from './practice';

interface Scenario {
  readonly what: string;
  /** Of the flooder's plan; null for none. */
  readonly perMinute: number | null;
  readonly question: Question;
  readonly connections: number;
  /** 0 sends as soon as the answer is there. */
  readonly everyMs: number;
}

/** Of the plan that whoever registers gets. */
const PLAN_PER_MINUTE = 600;

const SCENARIOS: readonly Scenario[] = [
  {
    what: 'ten times its plan (600/min): 100 requests/s',
    perMinute: PLAN_PER_MINUTE,
    question: 'page',
    connections: 32,
    everyMs: 320,
  },
  {
    what: 'its plan (600/min), 32 connections without a pause',
    perMinute: PLAN_PER_MINUTE,
    question: 'page',
    connections: 32,
    everyMs: 0,
  },
  {
    what: 'no limit in its plan, 32 connections of nested pages without a pause',
    perMinute: null,
    question: 'nested',
    connections: 32,
    everyMs: 0,
  },
];

type Where = 'same data source' | 'another data source' | 'another process';

interface Flooder {
  readonly tenant: WorkingTenant;
  readonly where: Where;
  readonly port: number;
}

export interface FloodRow {
  readonly what: string;
  readonly where: Where;
  readonly rounds: readonly { readonly alone: Summary; readonly flooded: Summary }[];
  /** Medians over the rounds. */
  readonly p50Ratio: number;
  readonly p99Ratio: number;
  readonly quietErrors: Readonly<Record<string, number>>;
  /** Of the flooder: what was answered and what refused. */
  readonly floodPerSecond: number;
  readonly floodRefusedPerSecond: number;
  readonly floodErrors: Readonly<Record<string, number>>;
}

const QUIET_CONNECTIONS = 2;
const QUIET_EVERY_MS = 8;

export async function measureFlood(context: PartContext): Promise<readonly FloodRow[]> {
  const { fleet, options, progress, signal } = context;
  const { quiet, near, far } = chooseTenants(fleet.tenants, SCENARIOS.length);
  const servers = await context.startServers(2);
  const [port = 0, otherPort = 0] = servers.ports;
  // Each scenario has flooders of its own: what one was refused says nothing of the next.
  const floodersOf = (scenario: number): Flooder[] =>
    [
      { tenant: near[scenario], where: 'same data source', port } as const,
      { tenant: far[scenario], where: 'another data source', port } as const,
      {
        tenant: near[SCENARIOS.length + scenario],
        where: 'another process',
        port: otherPort,
      } as const,
    ].flatMap(({ tenant, ...place }) => (tenant === undefined ? [] : [{ tenant, ...place }]));
  const quietRequests = (['account', 'page'] as const).flatMap((question) =>
    Array.from({ length: 20 }, (_, serial) => questionOf(fleet, quiet, question, serial)),
  );
  const beQuiet = (): Promise<Summary> =>
    drive({
      ports: [port],
      requests: quietRequests,
      connections: QUIET_CONNECTIONS,
      everyMs: QUIET_EVERY_MS,
      seconds: options.seconds,
      signal,
    });
  const rows: FloodRow[] = [];
  try {
    await practise(context, servers, fleet.tenants.slice(-20));
    for (const [at, scenario] of SCENARIOS.entries()) {
      if (options.floods?.includes(at + 1) === false) continue;
      const flooders = floodersOf(at);
      for (const { tenant } of flooders) await fleet.limit(tenant, scenario.perMinute);
      const rounds = new Map(flooders.map((flooder) => [flooder, [] as Round[]]));
      for (let round = 0; round < options.rounds; round += 1) {
        for (const [flooder, done] of rounds) {
          progress.say(`flood: round ${round + 1}/${options.rounds}, ${scenario.what}`);
          const alone = await beQuiet();
          const flood = sendFlood(
            {
              ports: [flooder.port],
              requests: [questionOf(fleet, flooder.tenant, scenario.question)],
              connections: scenario.connections,
              everyMs: scenario.everyMs,
              seconds: options.seconds + 1,
            },
            signal,
          );
          await new Promise((resolve) => setTimeout(resolve, 500)); // it has begun
          done.push({ alone, flooded: await beQuiet(), flood: await flood });
        }
      }
      for (const [flooder, done] of rounds) {
        rows.push(rowOf(scenario, flooder.where, done));
      }
    }
    return rows;
  } finally {
    await servers.stop();
  }
}

interface Round {
  readonly alone: Summary;
  readonly flooded: Summary;
  readonly flood: Summary;
}

function rowOf({ what }: Scenario, where: FloodRow['where'], rounds: readonly Round[]): FloodRow {
  const ratio = (pick: (summary: Summary) => number): number =>
    median(rounds.map(({ alone, flooded }) => pick(flooded) / pick(alone)));
  return {
    what,
    where,
    rounds: rounds.map(({ alone, flooded }) => ({ alone, flooded })),
    p50Ratio: ratio(({ p50Ms }) => p50Ms),
    p99Ratio: ratio(({ p99Ms }) => p99Ms),
    quietErrors: addErrors(rounds.flatMap(({ alone, flooded }) => [alone.errors, flooded.errors])),
    floodPerSecond: median(rounds.map(({ flood }) => flood.perSecond)),
    floodRefusedPerSecond: median(rounds.map(({ flood }) => flood.refusedPerSecond)),
    floodErrors: addErrors(rounds.map(({ flood }) => flood.errors)),
  };
}

/** One that is quiet, and flooders: twice as many beside it in its data source, so many in others. */
function chooseTenants(tenants: readonly WorkingTenant[], count: number) {
  const shared = tenants.filter(({ placement }) => placement === 'shared');
  const [quiet] = shared;
  const near = shared.filter(
    ({ source, index }) => source === quiet?.source && index !== quiet.index,
  );
  const far = shared.filter(({ source }) => source !== quiet?.source);
  if (quiet === undefined || near.length < 2 * count || far.length < count) {
    throw new Error(
      `Expected ${2 * count + 1} tenants in a shared data source and ${count} in others.`,
    );
  }
  return { quiet, near: near.slice(0, 2 * count), far: far.slice(0, count) };
}
