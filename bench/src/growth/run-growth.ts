/**
 * How the cost of a query grows with its tenant: the same questions to tenants of a thousand to a
 * million accounts, and to small tenants among a thousand, in interleaved rounds, one request at a
 * time. What keyset pages and composite indexes promise is that most of it does not grow.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startChildServer, type ChildServer } from '../child-server';
import { emailOf } from '../enrol';
import { jsonRequest } from '../http-connection';
import { measure, type StartedTarget } from '../measure';
import { UsageError, type Options } from '../options';
import { residentMegabytes } from '../process-figures';
import { PROJECT_ROOT } from '../product';
import type { Progress } from '../progress';
import { newestNode } from '../server-node';
import { describeCommit, describeMachine, openFolders } from '../surroundings';
import { CLOISTER_LIMITS, npmStartArguments, signIn } from '../targets';
import { askAll, type Answers } from '../verify';
import { renderGrowthPlot } from './growth-plot';
import {
  beforeDeepPage,
  CURSOR_DOCUMENT,
  GROWTH_DOCUMENTS,
  GROWTH_QUERIES,
  variablesOf,
  type GrowthQuery,
} from './growth-queries';
import { renderGrowth, type GrowthResults } from './growth-report';
import { openGrowthWorld, type GrowthWorld, type Place } from './growth-world';

const LEAST_ACCOUNTS = 1000;

type Requests = ReadonlyMap<GrowthQuery, readonly Buffer[]>;

export async function runGrowth(
  options: Options,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  if (Math.min(...options.sizes) < LEAST_ACCOUNTS) {
    throw new UsageError(
      `Expected --sizes of at least ${LEAST_ACCOUNTS}, so that pages are full, but got ${Math.min(...options.sizes)}.`,
    );
  }
  const closers: (() => Promise<unknown>)[] = [];
  const { home, temporary, remove } = await openFolders(options);
  closers.push(remove);
  try {
    const world = await openGrowthWorld(options, home, progress, signal);
    closers.push(() => world.close());
    if (options.fillOnly) return;
    const server = await startServer(world, temporary, signal);
    closers.push(() => server.stop());
    const started: StartedTarget<GrowthQuery>[] = [];
    for (const place of world.places) {
      progress.say(`Asking ${place.label}.`);
      const requests = await prepare(server, place, world.password);
      const answers = new Map<GrowthQuery, Answers>();
      for (const [query, asked] of requests) {
        const got = await askAll(server.port, asked);
        assertData(query, place, got);
        answers.set(query, got);
      }
      started.push({
        target: {
          label: place.label,
          world: { postmasterPid: world.postmasterPid, removeCreated: () => Promise.resolve() },
          prepare: (running) => prepare(running, place, world.password),
        },
        server,
        requests,
        answers,
        idleMegabytes: residentMegabytes(server.pid),
      });
    }
    const schedule = { ...options, queries: GROWTH_QUERIES };
    const samples = await measure(started, schedule, signal, progress);
    await keep(
      {
        preliminary: options.quick,
        date: new Date().toISOString(),
        machine: describeMachine(),
        postgres: world.version,
        sharedBuffers: world.sharedBuffers,
        commit: await describeCommit(),
        rounds: options.rounds,
        seconds: options.secondsPerCell,
        places: world.places.map(({ label, accounts, total }) => ({ label, accounts, total })),
        samples,
      },
      progress,
    );
  } finally {
    progress.end();
    for (const close of closers.reverse()) {
      await close().catch((error: unknown) => progress.say(`On the way out: ${String(error)}`));
    }
  }
}

function startServer(
  { cloisterEnvironment }: GrowthWorld,
  folder: string,
  signal: AbortSignal,
): Promise<ChildServer> {
  return startChildServer({
    name: 'cloister',
    node: newestNode().path,
    args: npmStartArguments(PROJECT_ROOT),
    cwd: PROJECT_ROOT,
    env: {
      ...cloisterEnvironment,
      ...CLOISTER_LIMITS,
      NODE_ENV: 'production',
      CLOISTER_HOME: join(folder, 'cloister'),
    },
    errorFile: join(folder, 'cloister.log'),
    signal,
  });
}

async function prepare(
  { port }: ChildServer,
  { dataset, slugs }: Place,
  password: string,
): Promise<Requests> {
  const requests = new Map<GrowthQuery, Buffer[]>(GROWTH_QUERIES.map((query) => [query, []]));
  for (const [tenantIndex, slug] of slugs.entries()) {
    const authorization = `Bearer ${await signIn(port, emailOf(slug), password)}`;
    const request = (query: string, variables: object): Buffer =>
      jsonRequest('/graphql', { authorization }, { query, variables });
    const [first] = await askAll(port, [
      request(CURSOR_DOCUMENT, { id: beforeDeepPage(dataset, tenantIndex) }),
    ]);
    const cursor = /"cursor":"([^"]+)"/.exec(first?.toString() ?? '')?.[1];
    if (cursor === undefined) throw new Error(`Got no cursor from ${slug}: ${first?.toString()}`);
    for (const query of GROWTH_QUERIES) {
      for (const variables of variablesOf(query, dataset, tenantIndex, cursor)) {
        requests.get(query)?.push(request(GROWTH_DOCUMENTS[query], variables));
      }
    }
  }
  return requests;
}

/** @throws when an answer is an error or empty: what finds nothing costs nothing. */
function assertData(query: GrowthQuery, { label }: Place, answers: Answers): void {
  const least = query === 'first' || query === 'deep' ? 8_000 : 100;
  const poor = answers.find((answer) => answer.length < least || answer.includes('"errors"'));
  if (poor === undefined) return;
  throw new Error(
    `Expected ${query} in ${label} to answer at least ${least} bytes of data, but got ${poor.toString().slice(0, 500)}`,
  );
}

async function keep(results: GrowthResults, progress: Progress): Promise<void> {
  process.stdout.write(`\n${renderGrowth(results)}\n`);
  const folder = join(PROJECT_ROOT, 'bench', 'results');
  const name = results.preliminary ? 'quick.growth' : 'growth';
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${name}.json`), `${JSON.stringify(results, undefined, 1)}\n`);
  await writeFile(join(folder, `${name}.md`), `${renderGrowth(results)}\n`);
  const picture = results.preliminary
    ? join(folder, `${name}.svg`)
    : join(PROJECT_ROOT, 'docs', 'growth.svg');
  await writeFile(picture, renderGrowthPlot(results));
  progress.say(
    `Kept in bench/results/${name}.json, ${name}.md and ${picture.slice(PROJECT_ROOT.length + 1)}.`,
  );
}
