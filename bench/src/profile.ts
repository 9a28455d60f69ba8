/** Where the time of a CPU profile went: by package, by function alone, by function with what it calls. */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: CallFrame;
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const SHOWN = 40;
/** Loading and compiling the program, and signing in. */
const START_UP_MICROSECONDS = 4_000_000;
const NOT_WORK = new Set(['(idle)', '(program)', '(root)']);

export async function renderProfiles(folder: string): Promise<string> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.cpuprofile'));
  const profiles = await Promise.all(
    files.map(async (name) => JSON.parse(await readFile(join(folder, name), 'utf8')) as CpuProfile),
  );
  // The longest is the server that was measured; the other one was counted.
  const [profile] = profiles.sort((a, b) => b.samples.length - a.samples.length);
  return profile === undefined ? 'There is no profile.' : renderProfile(profile);
}

function renderProfile({ nodes, samples, timeDeltas }: CpuProfile): string {
  const selfTimes = new Map<number, number>();
  let clock = 0;
  for (const [index, id] of samples.entries()) {
    const time = timeDeltas[index] ?? 0;
    clock += time;
    if (clock > START_UP_MICROSECONDS) add(selfTimes, id, time);
  }
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(
    nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])),
  );
  const alone = new Map<string, number>();
  const packages = new Map<string, number>();
  const inclusive = new Map<string, number>();
  let total = 0;
  for (const [id, time] of selfTimes) {
    const frame = byId.get(id)?.callFrame;
    if (frame === undefined || NOT_WORK.has(frame.functionName)) continue;
    total += time;
    add(alone, nameOf(frame), time);
    add(packages, packageOf(frame), time);
    const stack = new Set<string>();
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const caller = byId.get(at)?.callFrame;
      if (caller !== undefined && !NOT_WORK.has(caller.functionName)) stack.add(nameOf(caller));
    }
    for (const name of stack) add(inclusive, name, time);
  }
  const top = (map: ReadonlyMap<string, number>, count: number): string[] =>
    [...map.entries()]
      .sort(([, a], [, b]) => b - a)
      .slice(0, count)
      .map(([name, time]) => `${((time / total) * 100).toFixed(1).padStart(5)} %  ${name}`);
  return [
    'By package:',
    ...top(packages, 15),
    '',
    'By function, alone:',
    ...top(alone, SHOWN),
    '',
    'By function, with what it calls:',
    ...top(inclusive, 2 * SHOWN),
  ].join('\n');
}

function add<Key>(map: Map<Key, number>, key: Key, time: number): void {
  map.set(key, (map.get(key) ?? 0) + time);
}

function nameOf({ functionName, url, lineNumber }: CallFrame): string {
  const place = url
    .replace(/^file:\/\//, '')
    .replace(/^.*\/node_modules\//, '')
    .replace(/^.*\/dist\//, '');
  return `${functionName || '(anonymous)'}  ${place}:${lineNumber + 1}`;
}

function packageOf({ functionName, url }: CallFrame): string {
  const file = url.replace(/^file:\/\//, '');
  const name = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1];
  if (name !== undefined) return name;
  const own = /\/dist\/src\/([^/]+)/.exec(file)?.[1];
  if (own !== undefined) return `cloister src/${own}`;
  return file === '' ? functionName : file.startsWith('node:') ? 'node' : file;
}
