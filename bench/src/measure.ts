/** Rounds: every server at every query and number of connections, in turn, so that all share the weather. */
import type { ChildServer } from './child-server';
import { runLoad, type LoadResult } from './load';
import type { Options } from './options';
import { cpuBetween, processTree, readCpu, residentMegabytes } from './process-figures';
import type { Progress } from './progress';
import type { QueryId } from './queries';
import type { Target } from './targets';
import { checkAgainst, type Answers } from './verify';

export interface StartedTarget {
  readonly target: Target;
  readonly server: ChildServer;
  requests: ReadonlyMap<QueryId, readonly Buffer[]>;
  readonly answers: ReadonlyMap<QueryId, Answers>;
  /** Megabytes before anything was asked. */
  readonly idleMegabytes: number;
}

/** One measurement of one server. */
export interface Sample {
  readonly round: number;
  readonly query: QueryId;
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

export async function measure(
  started: readonly StartedTarget[],
  options: Options,
  signal: AbortSignal,
  progress: Progress,
): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  const cells = options.queries.flatMap((query) =>
    options.connections.map((connections) => ({ query, connections })),
  );
  await warmUp(started, options, signal, progress);
  progress.begin(options.rounds * cells.length * started.length);
  let preparedAt = Date.now();
  for (let round = 0; round < options.rounds; round += 1) {
    if (Date.now() - preparedAt > TOKENS_GOOD_FOR_MS) {
      for (const each of started) each.requests = await each.target.prepare(each.server);
      preparedAt = Date.now();
    }
    for (const { query, connections } of cells) {
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
      if (query === 'q4')
        for (const world of new Set(started.map(({ target }) => target.world)))
          await world.removeCreated();
    }
  }
  progress.end();
  return samples;
}

/** Every server at every query until its code is compiled, before the first round. */
async function warmUp(
  started: readonly StartedTarget[],
  { queries, secondsPerCell }: Options,
  signal: AbortSignal,
  progress: Progress,
): Promise<void> {
  progress.begin(started.length * queries.length);
  for (const each of started) {
    for (const query of queries) {
      progress.step(`warming up  ${query}  ${each.target.label}`);
      const seconds = Math.min(3, 1.5 * secondsPerCell);
      await drive(each, { query, connections: WARM_UP_CONNECTIONS }, seconds, signal);
      if (query === 'q4') await each.target.world.removeCreated();
    }
  }
  progress.end();
}

type Cell = Pick<Sample, 'query' | 'connections'>;

/** @throws naming the server and the query, whatever went wrong. */
async function drive(
  { target, server, requests, answers }: StartedTarget,
  { query, connections }: Cell,
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

async function measureOne(
  each: StartedTarget,
  cell: Cell & Pick<Sample, 'round'>,
  { warmUpSeconds, secondsPerCell }: Options,
  signal: AbortSignal,
): Promise<Sample> {
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
