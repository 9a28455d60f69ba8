/** CPU time and memory of processes, from /proc; Linux only (elsewhere the figures are absent). */
import { readdirSync, readFileSync } from 'node:fs';

/** Nanoseconds a process has spent on a CPU, all its threads together. */
function cpuNanoseconds(pid: number): number {
  let total = 0;
  for (const thread of list(`/proc/${pid}/task`)) {
    const text = read(`/proc/${pid}/task/${thread}/schedstat`);
    total += Number(text?.split(' ', 1)[0] ?? 0);
  }
  return total;
}

/** Nanoseconds by process. */
export type CpuReading = ReadonlyMap<number, number>;

export const readCpu = (pids: readonly number[]): CpuReading =>
  new Map(pids.map((pid) => [pid, cpuNanoseconds(pid)]));

/** Microseconds spent between two readings; a process that ended in between counts as nothing. */
export function cpuBetween(before: CpuReading, after: CpuReading): number {
  let nanoseconds = 0;
  for (const [pid, spent] of after) nanoseconds += Math.max(0, spent - (before.get(pid) ?? 0));
  return nanoseconds / 1000;
}

/** A server process and what it started. */
export function processTree(root: number): readonly number[] {
  const parents = new Map<number, number>();
  for (const name of list('/proc')) {
    const pid = Number(name);
    if (Number.isInteger(pid)) parents.set(pid, parentOf(pid));
  }
  const tree = new Set([root]);
  for (let size = 0; size !== tree.size;) {
    size = tree.size;
    for (const [pid, parent] of parents) if (tree.has(parent)) tree.add(pid);
  }
  return [...tree];
}

/** The process that started this one; 0 when there is none any more. */
export function parentOf(pid: number): number {
  // The name in brackets may hold anything, so count from its end.
  const stat = read(`/proc/${pid}/stat`);
  return Number(stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? 0);
}

/** Megabytes in memory. */
export function residentMegabytes(pid: number): number {
  const kilobytes = /VmRSS:\s+(\d+)/.exec(read(`/proc/${pid}/status`) ?? '')?.[1];
  return Number(kilobytes ?? 0) / 1024;
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // the process is gone, or this is no Linux
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined; // as above
  }
}
