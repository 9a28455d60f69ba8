/**
 * Questions to the operating system about processes that are not our children: is it alive, is it
 * still the one we remember (process ids are recycled, quickly so in containers), does it belong to
 * a given cluster. Answered from /proc on Linux and by `ps` elsewhere.
 */
import { execFile } from 'node:child_process';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { systemErrorCode } from './embedded-error';

const run = promisify(execFile);
const POLL_MS = 25;

/** A process told apart from a later one that was given the same id. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque; equal for as long as the process lives. Empty where the system does not tell. */
  readonly startedAt: string;
}

/** True when a process with this id runs; a zombie, which only waits to be reaped, does not. */
export async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return systemErrorCode(error) === 'EPERM';
  }
  const [state] = await statFields(pid);
  return state !== 'Z' && state !== 'X';
}

/** The identity of a running process, or undefined when there is none with this id. */
export async function findProcess(pid: number): Promise<ProcessIdentity | undefined> {
  if (!(await isAlive(pid))) return undefined;
  return { pid, startedAt: await startOf(pid) };
}

/**
 * The ids of all Postgres processes, postmaster and backends, that work in `dataDir` (a real path).
 * Outside Linux only the postmaster is found, for backends do not show their folder there.
 */
export async function findClusterProcesses(dataDir: string): Promise<number[]> {
  if (process.platform === 'win32') return [];
  if (process.platform !== 'linux') return findByCommandLine(dataDir);
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const belongs = await Promise.all(
    pids.map(async (pid) => {
      const [folder, executable] = await Promise.all([
        readlink(`/proc/${pid}/cwd`).catch(() => ''), // gone meanwhile, or another user's
        readlink(`/proc/${pid}/exe`).catch(() => ''),
      ]);
      // "(deleted)" follows the name when node_modules was installed anew beneath it.
      return folder === dataDir && basename(executable).startsWith('postgres');
    }),
  );
  return pids.filter((_, index) => belongs[index]);
}

/** Asks until `condition` holds; false when it does not within `limitMs`. */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  limitMs: number,
): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    if (await condition()) return true;
    if (performance.now() >= deadline) return false;
    await sleep(POLL_MS);
  }
}

async function findByCommandLine(dataDir: string): Promise<number[]> {
  const { stdout } = await run('ps', ['-axo', 'pid=,command=']);
  return stdout
    .split('\n')
    .filter((line) => line.includes('/postgres -D ') && line.includes(`-D ${dataDir} `))
    .map((line) => Number.parseInt(line, 10));
}

async function startOf(pid: number): Promise<string> {
  if (process.platform === 'win32') return '';
  if (process.platform === 'linux') {
    const bootId = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
    const ticksSinceBoot = (await statFields(pid))[19] ?? '';
    return `${bootId.trim()}/${ticksSinceBoot}`;
  }
  const { stdout } = await run('ps', ['-o', 'lstart=', '-p', String(pid)]).catch(() => ({
    stdout: '', // ended meanwhile: no identity equals it
  }));
  return stdout.trim();
}

/** The fields of /proc/<pid>/stat from the state on: the name before them may hold spaces. */
async function statFields(pid: number): Promise<string[]> {
  if (process.platform !== 'linux') return [];
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}
