/**
 * What many tenants cost: the same load over all tenants of a data source in turn, and over one of
 * them, on the same server, in interleaved rounds. And before that the first visit of each tenant to a
 * process that knows none.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChildServer } from '../child-server';
import { cloisterDialect } from '../dialects';
import { measure, type StartedTarget } from '../measure';
import type { Options } from '../options';
import { residentMegabytes } from '../process-figures';
import { PROJECT_ROOT } from '../product';
import type { Progress } from '../progress';
import type { QueryId } from '../queries';
import { describeCommit, describeMachine, openFolders } from '../surroundings';
import { createTarget, requestsOf } from '../targets';
import { askAll, assertFull, type Answers } from '../verify';
import { TOKENS_GOOD_FOR_SECONDS } from '../scale/fleet-process';
import { createWorld, type World } from '../world';
import { askEachOnce } from './ask-each-once';
import { ONE, renderRotation, type RotationResults } from './rotation-report';
import { addSessions, issueTokens, signInAll } from './tokens';

/** All tenants are asked this often before the requests begin anew. */
const REQUESTS_PER_TENANT = 1;
const COLD_CONNECTIONS = 8;
/** Room for the data of all: what a larger database costs by itself is not the question here. */
const POSTGRES_SETTINGS = { shared_buffers: '2GB' } as const;

export async function runRotation(
  options: Options,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const closers: (() => Promise<unknown>)[] = [];
  const { home, temporary, remove } = await openFolders(options);
  closers.push(remove);
  try {
    progress.say(`A database of ${options.size.tenants} tenants.`);
    const world = await createWorld({
      root: PROJECT_ROOT,
      home,
      options,
      signal,
      postgresSettings: POSTGRES_SETTINGS,
    });
    closers.push(() => world.close());
    const patient = {
      ...world,
      cloisterEnvironment: {
        ...world.cloisterEnvironment,
        AUTH_ACCESS_TOKEN_TTL_SECONDS: String(TOKENS_GOOD_FOR_SECONDS),
      },
    };
    const target = createTarget('cloister', 'cloister', patient, {
      options,
      home: temporary,
      signal,
    });
    const start = async (): Promise<ChildServer> => {
      const server = await target.start(world.postgresPort);
      closers.push(() => server.stop());
      return server;
    };
    const claims = await signInAll(world, home, start, progress);
    if (options.fillOnly) return;

    const tokens = await issueTokens(claims, world, temporary, signal);
    const everyone = requestsFor(world, options, tokens);
    const [first] = claims;
    if (first === undefined) throw new Error('Expected a tenant at least, but got none.');
    const sessions = await addSessions(world, first, tokens.length);
    const alone = requestsFor(
      onlyFirstTenant(world, tokens.length),
      options,
      await issueTokens(sessions, world, temporary, signal),
    );
    // A process that has seen no tenant yet.
    const server = await start();
    const byId = everyone.get('q1')?.slice(0, tokens.length) ?? [];
    const emptyMegabytes = residentMegabytes(server.pid);
    const cold = await askEachOnce(server.port, byId, COLD_CONNECTIONS);
    const warmMegabytes = residentMegabytes(server.pid);
    const warm = await askEachOnce(server.port, byId, COLD_CONNECTIONS);

    const started: StartedTarget<QueryId>[] = [];
    const many = `${tokens.length.toLocaleString('en-US')} tenants`;
    for (const [label, asked] of [
      [ONE, alone],
      [many, everyone],
    ] as const) {
      progress.say(`Asking for ${label}.`);
      const answers = new Map<QueryId, Answers>();
      for (const [query, all] of asked) answers.set(query, await askAll(server.port, all));
      for (const query of options.queries) assertFull(query, answers.get(query) ?? []);
      await world.removeCreated();
      const measured = { label, world, prepare: () => Promise.resolve(asked) };
      started.push({
        target: measured,
        server,
        requests: asked,
        answers,
        idleMegabytes: emptyMegabytes,
      });
    }
    const samples = await measure(started, options, signal, progress);
    const results: RotationResults = {
      preliminary: options.quick,
      date: new Date().toISOString(),
      machine: describeMachine(),
      postgres: world.version,
      commit: await describeCommit(),
      rounds: options.rounds,
      seconds: options.secondsPerCell,
      size: options.size,
      sharedBuffers: POSTGRES_SETTINGS.shared_buffers,
      many,
      firstPass: { cold, warm, emptyMegabytes, warmMegabytes },
      samples,
    };
    process.stdout.write(`\n${renderRotation(results)}\n`);
    const folder = join(PROJECT_ROOT, 'bench', 'results');
    const name = options.quick ? 'quick.rotation' : 'rotation';
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, `${name}.json`), `${JSON.stringify(results, undefined, 1)}\n`);
    await writeFile(join(folder, `${name}.md`), `${renderRotation(results)}\n`);
    progress.say(`Kept in bench/results/${name}.json and ${name}.md.`);
  } finally {
    progress.end();
    for (const close of closers.reverse()) {
      await close().catch((error: unknown) => progress.say(`On the way out: ${String(error)}`));
    }
  }
}

/** The first tenant in the place of each of so many. */
function onlyFirstTenant(world: World, count: number): World {
  const { dataset } = world;
  const [tenant = ''] = dataset.tenants;
  return {
    ...world,
    dataset: {
      ...dataset,
      tenants: Array.from({ length: count }, () => tenant),
      // Not the same account each time.
      accountId: (index, number) =>
        dataset.accountId(0, (number + index) % dataset.accountsPerTenant),
    },
  };
}

/** @param tokens by the index of a tenant. */
function requestsFor(
  world: World,
  options: Options,
  tokens: readonly string[],
): ReadonlyMap<QueryId, readonly Buffer[]> {
  const all = requestsOf(
    cloisterDialect,
    world,
    options,
    () => '/graphql',
    (tenantIndex) => ({ authorization: `Bearer ${tokens[tenantIndex] ?? ''}` }),
  );
  const most = tokens.length * REQUESTS_PER_TENANT;
  return new Map([...all].map(([query, buffers]) => [query, buffers.slice(0, most)]));
}
