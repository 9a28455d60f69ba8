/** Rounds: every server at every query and number of connections, in turn, so that all share the weather. */
import type { ChildServer } from './child-server';
import { runLoad, type LoadResult } from './load';
import type { Options } from './options';
import { cpuBetween, processTree, readCpu, residentMegabytes } from './process-figures';
import type { Progress } from './progress';
import type { QueryId } from './queries';
import { checkAgainst, type Answers } from './verify';
import type { World } from './world';

/** One of those that are compared. */
export interface MeasuredTarget<Query extends string = QueryId> {
  readonly label: string;
  readonly world: Pick<World, 'postmasterPid' | 'removeCreated'>;
  prepare(server: ChildServer): Promise<ReadonlyMap<Query, readonly Buffer[]>>;
}

export interface StartedTarget<
  Query extends string = QueryId,
  Target extends MeasuredTarget<Query> = MeasuredTarget<Query>,
> {
  readonly target: Target;
  readonly server: ChildServer;
  requests: ReadonlyMap<Query, readonly Buffer[]>;
  readonly answers: ReadonlyMap<Query, Answers>;
  /** Megabytes before anything was asked. */
  readonly idleMegabytes: number;
}

/** One measurement of one server. */
export interface Sample<Query extends string = QueryId> {
  readonly round: number;
  readonly query: Query;
  readonly connections: number;
  readonly label: string;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Microseconds for each request. */
  readonly serverCpu: number;
  readonly postgresCpu: number;
  readonly megabytes: number;
}

const WARM_UP_CONNECTIONS = 8;
const TOKENS_GOOD_FOR_MS = 10 * 60_000;

/** How long and how often. */
export type Schedule<Query extends string = QueryId> = Pick<
  Options,
  'connections' | 'rounds' | 'secondsPerCell' | 'warmUpSeconds'
> & { readonly queries: readonly Query[] };

export async function measure<Query extends string>(
  started: readonly StartedTarget<Query>[],
  options: Schedule<Query>,
  signal: AbortSignal,
  progress: Progress,
): Promise<readonly Sample<Query>[]> {
  const samples: Sample<Query>[] = [];
  const cells = options.queries.flatMap((query) =>
    options.connections.map((connections) => ({ query, connections })),
  );
  let preparedAt = Date.now();
  await warmUp(started, options, signal, progress);
  progress.begin(options.rounds * cells.length * started.length);
  for (let round = 0; round < options.rounds; round += 1) {
    for (const { query, connections } of cells) {
      if (Date.now() - preparedAt > TOKENS_GOOD_FOR_MS) {
        for (const each of started) each.requests = await each.target.prepare(each.server);
        preparedAt = Date.now();
      }
      // Another one begins each time: what the first pays for (caches, the clock of the CPU) all pay.
      const first =
        round + cells.findIndex((cell) => cell.query === query && cell.connections === connections);
      for (const offset of started.keys()) {
        const each = started[(first + offset) % started.length];
        if (each === undefined) continue;
        progress.step(
          `round ${round + 1}/${options.rounds}  ${query}  ${connections} conn  ${each.target.label}`,
        );
        samples.push(await measureOne(each, { round, query, connections }, options, signal));
      }
      if (makesContacts(query))
        for (const world of new Set(started.map(({ target }) => target.world)))
          await world.removeCreated();
    }
  }
  progress.end();
  return samples;
}

/** Every server at every query until its code is compiled, before the first round. */
async function warmUp<Query extends string>(
  started: readonly StartedTarget<Query>[],
  { queries, secondsPerCell }: Schedule<Query>,
  signal: AbortSignal,
  progress: Progress,
): Promise<void> {
  progress.begin(started.length * queries.length);
  for (const each of started) {
    for (const query of queries) {
      progress.step(`warming up  ${query}  ${each.target.label}`);
      const seconds = Math.min(4, 3 * secondsPerCell);
      await drive(each, { query, connections: WARM_UP_CONNECTIONS }, seconds, signal);
      if (makesContacts(query)) await each.target.world.removeCreated();
    }
  }
  progress.end();
}

/** The create, after which the tables are as they were. */
const makesContacts = (query: string): boolean => query === 'q4';

type Cell<Query extends string> = Pick<Sample<Query>, 'query' | 'connections'>;

/** @throws naming the server and the query, whatever went wrong. */
async function drive<Query extends string>(
  { target, server, requests, answers }: StartedTarget<Query>,
  { query, connections }: Cell<Query>,
  seconds: number,
  signal: AbortSignal,
): Promise<LoadResult> {
  try {
    return await runLoad({
      port: server.port,
      requests: requests.get(query) ?? [],
      connections,
      seconds,
      check: checkAgainst(query, answers.get(query) ?? []),
      signal,
    });
  } catch (error) {
    signal.throwIfAborted();
    throw new Error(
      `${target.label}, ${query}, ${connections} connections: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

async function measureOne<Query extends string>(
  each: StartedTarget<Query>,
  cell: Cell<Query> & Pick<Sample, 'round'>,
  { warmUpSeconds, secondsPerCell }: Schedule<Query>,
  signal: AbortSignal,
): Promise<Sample<Query>> {
  const { target, server } = each;
  await drive(each, cell, warmUpSeconds, signal);
  const postgres = (): readonly number[] => processTree(target.world.postmasterPid);
  const before = { server: readCpu(processTree(server.pid)), postgres: readCpu(postgres()) };
  const result = await drive(each, cell, secondsPerCell, signal);
  const after = { server: readCpu(processTree(server.pid)), postgres: readCpu(postgres()) };
  const { latencies, requests } = result;
  const percentile = (share: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
  return {
    ...cell,
    label: target.label,
    requestsPerSecond: requests / result.elapsedSeconds,
    p50Ms: percentile(0.5),
    p99Ms: percentile(0.99),
    serverCpu: cpuBetween(before.server, after.server) / requests,
    postgresCpu: cpuBetween(before.postgres, after.postgres) / requests,
    megabytes: residentMegabytes(server.pid),
  };
}
