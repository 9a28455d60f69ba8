/** The order of a run of the scale harness: fleet, parts, report. No logic. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { PROJECT_ROOT } from '../product';
import type { Progress } from '../progress';
import { newestNode } from '../server-node';
import { describeCommit, describeMachine, makeTemporary } from '../surroundings';
import { openFleet } from './fleet';
import { measureCold } from './parts/cold.part';
import { measureDatabases } from './parts/databases.part';
import { measureFlood } from './parts/flood.part';
import { measureLoad } from './parts/load.part';
import { measureMemory } from './parts/memory.part';
import type { PartContext } from './parts/part';
import { measureProcesses } from './parts/processes.part';
import { parseScaleOptions, SCALE_HELP, type PartName, type ScaleOptions } from './scale-options';
import { renderScale, type PartResult, type ScaleResults } from './scale-report';
import { startServers, type ServerGroup } from './server-group';

const MEASURES = {
  cold: measureCold,
  memory: measureMemory,
  load: measureLoad,
  flood: measureFlood,
  databases: measureDatabases,
  processes: measureProcesses,
} as const satisfies Record<PartName, (context: PartContext) => Promise<unknown>>;

/** @returns the exit code. */
export async function runScale(
  args: readonly string[],
  progress: Progress,
  stopping: AbortController,
): Promise<number> {
  const options = parseScaleOptions(args);
  if (options === 'help') {
    process.stdout.write(SCALE_HELP);
    return 0;
  }
  const tooLong = new Error(
    `Given up after ${options.maxMinutes} minutes; --max-minutes gives more.`,
  );
  const timer = setTimeout(() => stopping.abort(tooLong), options.maxMinutes * 60_000);
  const { signal } = stopping;
  const home =
    options.home === undefined ? await makeTemporary('cloister-scale') : resolve(options.home);
  const groups = new Set<ServerGroup>();
  let close: () => Promise<unknown> = () => Promise.resolve();
  try {
    const fleet = await openFleet(options, home, progress, signal);
    close = () => fleet.close();
    const context: PartContext = {
      fleet,
      options,
      progress,
      signal,
      async startServers(count, env = {}) {
        const group = await startServers({ count, home, env: { ...fleet.env, ...env }, signal });
        groups.add(group);
        return group;
      },
    };
    const commit = await describeCommit();
    for (const part of options.parts) {
      signal.throwIfAborted();
      const figures = await MEASURES[part](context);
      const result: PartResult = {
        part,
        date: new Date().toISOString(),
        commit,
        size: fleet.size,
        making: fleet.making.perSecond,
        budget: options.budget,
        pgbouncer: options.pgbouncer,
        seconds: options.seconds,
        ...variantOf(part, options),
        figures,
      };
      await keep(result, options, progress);
    }
    return 0;
  } finally {
    clearTimeout(timer);
    progress.end();
    for (const group of groups) await group.stop();
    await close().catch((error: unknown) => progress.say(`On the way out: ${String(error)}`));
    if (options.home === undefined) await rm(home, { recursive: true, force: true });
  }
}

function variantOf(part: PartName, { floods, sticky }: ScaleOptions): Pick<PartResult, 'variant'> {
  if (part === 'flood' && floods !== undefined) return { variant: `kinds ${floods.join(', ')}` };
  return part === 'processes' && sticky ? { variant: 'sticky' } : {};
}

/** Each part takes the place of its former figures: a long run can be made in pieces. */
async function keep(result: PartResult, options: ScaleOptions, progress: Progress): Promise<void> {
  const folder = join(PROJECT_ROOT, 'bench', 'results');
  const name = options.quick ? 'quick.scale' : 'scale';
  const file = join(folder, `${name}.json`);
  await mkdir(folder, { recursive: true });
  const before = await readFile(file, 'utf8').then(
    (text) => JSON.parse(text) as ScaleResults,
    () => undefined,
  );
  const isSame = (other: PartResult): boolean =>
    other.part === result.part &&
    other.pgbouncer === result.pgbouncer &&
    other.budget === result.budget &&
    other.variant === result.variant;
  const results: ScaleResults = {
    machine: `${describeMachine()}, Node ${newestNode().version}`,
    preliminary: options.quick,
    parts: [...(before?.parts ?? []).filter((other) => !isSame(other)), result],
  };
  await writeFile(file, `${JSON.stringify(results, undefined, 1)}\n`);
  await writeFile(join(folder, `${name}.md`), `${renderScale(results)}\n`);
  process.stdout.write(`\n${renderScale({ ...results, parts: [result] })}\n`);
  progress.say(`Kept in bench/results/${name}.json and ${name}.md.`);
}
