/** The order of a run: database, counting, servers, equal answers, rounds, report. No logic. */
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { checkOut } from './checkout';
import { countStatements, type RequestCounts } from './counting';
import { measure } from './measure';
import { HELP, parseOptions, UsageError, type Options } from './options';
import { renderPlot } from './plot';
import { residentMegabytes } from './process-figures';
import { PROJECT_ROOT } from './product';
import { renderProfiles } from './profile';
import { createProgress, type Progress } from './progress';
import type { QueryId } from './queries';
import { renderReport } from './report';
import { MODES } from './modes';
import { summarise, type Results } from './summary';
import { describeCommit, describeMachine, openFolders, type Folders } from './surroundings';
import { TARGET_NAMES } from './target-names';
import { startAll, verifyAll } from './start-targets';
import { CLOISTER_LIMITS, createTarget, type Target } from './targets';
import { createWorld, type World } from './world';

const INTERRUPTED_EXIT_CODE = 130;

/** @returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const progress = createProgress();
  const stopping = new AbortController();
  const interrupt = (): void => stopping.abort(new Error('Interrupted.'));
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  let timer: NodeJS.Timeout | undefined;
  try {
    if (args[0] === 'scale') {
      const { runScale } = await import('./scale/run-scale.js');
      return await runScale(args.slice(1), progress, stopping);
    }
    const mode = MODES[args[0] ?? ''];
    const options = parseOptions(mode === undefined ? args : args.slice(1), mode?.defaults);
    if (options === 'help') {
      process.stdout.write(HELP);
      return 0;
    }
    const tooLong = new Error(
      `Given up after ${options.maxMinutes} minutes; --max-minutes gives more.`,
    );
    timer = setTimeout(() => stopping.abort(tooLong), options.maxMinutes * 60_000);
    await (mode?.run ?? runBench)(options, progress, stopping.signal);
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
  const folders = await openFolders(options);
  closers.push(() => folders.remove());
  try {
    const targets = await createTargets(options, folders, progress, signal, closers);
    if (options.fillOnly) return;
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
      machine: describeMachine(),
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
        const folder = join(folders.temporary, 'profiles', label);
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
  { home, temporary }: Folders,
  progress: Progress,
  signal: AbortSignal,
  closers: (() => Promise<unknown>)[],
): Promise<readonly Target[]> {
  const openWorld = async (root: string, folder: string): Promise<World> => {
    const { tenants, accounts } = options.size;
    progress.say(`Filling a database: ${tenants} tenants, ${accounts} accounts.`);
    const world = await createWorld({ root, home: folder, options, signal });
    closers.push(() => world.close());
    return world;
  };
  const settings = { options, home: temporary, signal };
  if (options.compare === undefined) {
    const world = await openWorld(PROJECT_ROOT, home);
    // The limit comes first: the others are compared with it.
    return TARGET_NAMES.filter((name) => options.targets.includes(name)).map((name) =>
      createTarget(name, name, world, settings),
    );
  }
  const targets: Target[] = [];
  for (const [index, revision] of options.compare.entries()) {
    const commit = `commit-${index + 1}`;
    const checkout = await checkOut(revision, join(temporary, commit), progress, signal);
    const world = await openWorld(checkout.root, join(home, `${commit}-data`));
    const label = targets.some((target) => target.label === checkout.label)
      ? `${checkout.label} again`
      : checkout.label;
    if (index === 0 && options.targets.includes('limit'))
      targets.push(createTarget('limit', 'limit', world, settings));
    targets.push(createTarget('cloister', label, world, settings));
  }
  return targets;
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
