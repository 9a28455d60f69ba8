/** Where a run works, and on what. */
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Options } from './options';
import { PROJECT_ROOT } from './product';

const run = promisify(execFile);

export interface Folders {
  /** Of the databases; stays if it was asked for by name. */
  readonly home: string;
  /** Of everything else; goes with the run. */
  readonly temporary: string;
  remove(): Promise<void>;
}

const PASSABLE = 0o711;

/** A folder that goes with the run. */
export async function makeTemporary(name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `${name}-`));
  // For whom Postgres runs as where we are root: else it keeps its data elsewhere, and that would stay.
  await chmod(folder, PASSABLE);
  return folder;
}

export async function openFolders({ home }: Pick<Options, 'home'>): Promise<Folders> {
  const temporary = await makeTemporary('cloister-bench');
  if (home !== undefined) await mkdir(resolve(home), { recursive: true });
  return {
    home: home === undefined ? temporary : resolve(home),
    temporary,
    remove: () => rm(temporary, { recursive: true, force: true }),
  };
}

export const describeMachine = (): string =>
  `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'CPU'}, ${Math.round(totalmem() / 2 ** 30)} GB`;

export async function describeCommit(): Promise<string> {
  const { stdout } = await run('git', ['describe', '--always', '--dirty'], { cwd: PROJECT_ROOT });
  return stdout.trim();
}
