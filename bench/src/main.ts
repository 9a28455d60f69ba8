/** The order of a run: database, counting, servers, equal answers, rounds, report. No logic. */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { checkOut } from './checkout';
import { countStatements, type RequestCounts } from './counting';
import { measure, type StartedTarget } from './measure';
import { HELP, parseOptions, UsageError, type Options } from './options';
import { renderPlot } from './plot';
import { residentMegabytes } from './process-figures';
import { PROJECT_ROOT } from './product';
import { renderProfiles } from './profile';
import { createProgress, type Progress } from './progress';
import type { QueryId } from './queries';
import { renderReport } from './report';
import { summarise, type Results } from './summary';
import { TARGET_NAMES } from './target-names';
import { CLOISTER_LIMITS, createTarget, type Target } from './targets';
import { askAll, assertEqualAnswers, assertFull, type Answers } from './verify';
import { createWorld, type World } from './world';

const run = promisify(execFile);
const INTERRUPTED_EXIT_CODE = 130;

/** @returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const progress = createProgress();
  const stopping = new AbortController();
  const interrupt = (): void => stopping.abort(new Error('Interrupted.'));
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  let timer: NodeJS.Timeout | undefined;
  try {
    const options = parseOptions(args);
    if (options === 'help') {
      process.stdout.write(HELP);
      return 0;
    }
    const tooLong = new Error(
      `Given up after ${options.maxMinutes} minutes; --max-minutes gives more.`,
    );
    timer = setTimeout(() => stopping.abort(tooLong), options.maxMinutes * 60_000);
    await runBench(options, progress, stopping.signal);
    return 0;
  } catch (error) {
    const reason: unknown = stopping.signal.aborted ? stopping.signal.reason : error;
    const plain = stopping.signal.aborted || reason instanceof UsageError || isParseFault(reason);
    progress.say(
      reason instanceof Error
        ? ((plain ? undefined : reason.stack) ?? reason.message)
        : String(reason),
    );
    return stopping.signal.aborted ? INTERRUPTED_EXIT_CODE : 1;
  } finally {
    clearTimeout(timer);
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

/** Of `parseArgs`, whose messages are meant for whoever typed the command. */
const isParseFault = (error: unknown): boolean =>
  error instanceof TypeError &&
  String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS');

/** What is opened is closed in the opposite order, whatever happens. */
async function runBench(options: Options, progress: Progress, signal: AbortSignal): Promise<void> {
  const closers: (() => Promise<unknown>)[] = [];
  const home = await mkdtemp(join(tmpdir(), 'cloister-bench-'));
  closers.push(() => rm(home, { recursive: true, force: true }));
  try {
    const targets = await createTargets(options, home, progress, signal, closers);
    const counts = new Map<Target, ReadonlyMap<QueryId, RequestCounts>>();
    for (const target of targets) {
      progress.say(`Counting the statements of ${target.label}.`);
      counts.set(target, await countStatements(target));
    }
    const started = await startAll(targets, progress, closers);
    verifyAll(started, options);
    progress.say('All servers give equal data. Measuring.');
    const samples = await measure(started, options, signal, progress);
    const baseline =
      options.compare === undefined
        ? undefined
        : targets.find(({ name }) => name === 'cloister')?.label;
    const results: Results = {
      preliminary: options.quick,
      date: new Date().toISOString(),
      machine: `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'CPU'}, ${Math.round(totalmem() / 2 ** 30)} GB`,
      postgres: targets[0]?.world.version ?? '',
      commit: await describeCommit(),
      settings: { ...options, cloister: { NODE_ENV: 'production', ...CLOISTER_LIMITS } },
      targets: started.map(({ target, server, idleMegabytes }) => ({
        label: target.label,
        isolation: target.isolation,
        nodeVersion: target.nodeVersion,
        idleMegabytes,
        busyMegabytes: residentMegabytes(server.pid),
        counts: Object.fromEntries(counts.get(target) ?? []),
      })),
      ...(baseline === undefined ? {} : { baseline }),
      figures: summarise(samples, baseline),
      samples,
    };
    process.stdout.write(`\n${renderReport(results)}\n\n${notes(options)}\n`);
    await keep(results, options, progress);
    if (options.profile) {
      for (const { server } of started) await server.stop();
      for (const { label } of targets.filter(({ name }) => name === 'cloister')) {
        const folder = join(home, 'profiles', label);
        process.stdout.write(`\n${label}\n${await renderProfiles(folder)}\n`);
        const kept = join(PROJECT_ROOT, 'bench', 'results', 'profiles', label);
        await rm(kept, { recursive: true, force: true });
        await cp(folder, kept, { recursive: true });
      }
    }
  } finally {
    progress.end();
    for (const close of closers.reverse()) {
      await close().catch((error: unknown) => progress.say(`On the way out: ${String(error)}`));
    }
  }
}

async function createTargets(
  options: Options,
  home: string,
  progress: Progress,
  signal: AbortSignal,
  closers: (() => Promise<unknown>)[],
): Promise<readonly Target[]> {
  const openWorld = async (root: string, folder: string): Promise<World> => {
    const { tenants, accounts } = options.size;
    progress.say(`Filling a database: ${tenants} tenants, ${accounts} accounts.`);
    const world = await createWorld(root, folder, options, signal);
    closers.push(() => world.close());
    return world;
  };
  const settings = { options, home, signal };
  if (options.compare === undefined) {
    const world = await openWorld(PROJECT_ROOT, home);
    // The limit comes first: the others are compared with it.
    return TARGET_NAMES.filter((name) => options.targets.includes(name)).map((name) =>
      createTarget(name, name, world, settings),
    );
  }
  const targets: Target[] = [];
  for (const [index, revision] of options.compare.entries()) {
    const folder = join(home, `commit-${index + 1}`);
    const checkout = await checkOut(revision, join(folder, 'cloister'), progress, signal);
    const world = await openWorld(checkout.root, folder);
    const label = targets.some((target) => target.label === checkout.label)
      ? `${checkout.label} again`
      : checkout.label;
    if (index === 0 && options.targets.includes('limit'))
      targets.push(createTarget('limit', 'limit', world, settings));
    targets.push(createTarget('cloister', label, world, settings));
  }
  return targets;
}

async function startAll(
  targets: readonly Target[],
  progress: Progress,
  closers: (() => Promise<unknown>)[],
): Promise<readonly StartedTarget[]> {
  const started: StartedTarget[] = [];
  for (const target of targets) {
    progress.say(`Starting ${target.label}.`);
    const server = await target.start(target.world.postgresPort);
    closers.push(() => server.stop());
    const idleMegabytes = residentMegabytes(server.pid);
    const requests = await target.prepare(server);
    const answers = new Map<QueryId, Answers>();
    for (const [query, asked] of requests) answers.set(query, await askAll(server.port, asked));
    await target.world.removeCreated();
    started.push({ target, server, requests, answers, idleMegabytes });
  }
  return started;
}

function verifyAll(started: readonly StartedTarget[], { queries }: Options): void {
  const [first] = started;
  for (const query of queries) {
    const reference = first?.answers.get(query) ?? [];
    assertFull(query, reference);
    for (const { target, answers } of started) {
      assertEqualAnswers(query, target.label, answers.get(query) ?? [], reference);
    }
  }
}

async function describeCommit(): Promise<string> {
  const { stdout } = await run('git', ['describe', '--always', '--dirty'], { cwd: PROJECT_ROOT });
  return stdout.trim();
}

const notes = ({
  poolSize,
  size,
}: Options): string => `Every server: its own process, ${poolSize} connections to Postgres, ${size.tenants} tenants in turn.
Cloister: production mode, limits, token, log on; only its budget per tenant and minute is raised
(LIMIT_TENANT_COST_PER_MINUTE=${CLOISTER_LIMITS.LIMIT_TENANT_COST_PER_MINUTE}), for here one client is all of a tenant's users.
Peers get the tenant in a header and verify no token. Statements and round trips were counted by a
proxy before Postgres that reads the protocol, one request at a time, apart from the timing.`;

/** Whole runs are kept in the repository, partial ones beside them for a look. */
async function keep(results: Results, options: Options, progress: Progress): Promise<void> {
  const whole =
    !options.quick &&
    options.compare === undefined &&
    !options.profile &&
    options.queries.length === 6 &&
    options.targets.length === TARGET_NAMES.length;
  const folder = join(PROJECT_ROOT, 'bench', 'results');
  const name = whole ? 'latest' : options.compare === undefined ? 'quick' : 'compare';
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${name}.json`), `${JSON.stringify(results, undefined, 1)}\n`);
  await writeFile(join(folder, `${name}.md`), `${renderReport(results)}\n`);
  const picture = whole
    ? join(PROJECT_ROOT, 'docs', 'images', 'performance.svg')
    : join(folder, `${name}.svg`);
  const middle = options.connections[Math.floor(options.connections.length / 2)] ?? 1;
  await writeFile(picture, renderPlot(results, middle));
  progress.say(
    `Kept in bench/results/${name}.json, ${name}.md and ${picture.slice(PROJECT_ROOT.length + 1)}.`,
  );
}
