/**
 * One process owns a data directory at a time. The lock names its owner; it is held until released,
 * and passes on when the owner no longer lives, so that `kill -9` needs no mending by hand. Postgres
 * has an interlock of its own (postmaster.pid), but it would let two `npm start` stop each other's
 * server: who owns it must be known before anything is stopped.
 *
 * Each owner makes the next of a series of files, `<path>.1`, `<path>.2`, …; the last one counts.
 * (A single file would have to be removed when its owner has died, and of two processes that find it
 * so, the slower would remove the lock of the faster.) A released lock is an empty file.
 */
import { randomBytes } from 'node:crypto';
import { link, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { EmbeddedInUseError, systemErrorCode } from './embedded-error';
import { findProcess, type ProcessIdentity } from './processes';

export interface ClusterLock {
  release(): Promise<void>;
}

/**
 * Takes the lock at `path`, whose folder must exist.
 * @throws EmbeddedInUseError naming the process that holds it.
 */
export async function acquireClusterLock(path: string): Promise<ClusterLock> {
  const draft = `${path}.draft-${randomBytes(6).toString('hex')}`;
  await writeFile(draft, JSON.stringify(await findProcess(process.pid)), { mode: 0o600 });
  try {
    for (;;) {
      const last = (await listLocks(path)).at(-1) ?? 0;
      await refuseIfOwned(path, last);
      const own = last + 1;
      if (!(await tryLink(draft, `${path}.${own}`))) continue;

      // What we took for the last may have been followed by others, and removed as theirs was made.
      const locks = await listLocks(path);
      const isLast = locks.at(-1) === own;
      const obsolete = isLast ? locks.filter((number) => number < own) : [own];
      for (const number of obsolete) await rm(`${path}.${number}`, { force: true });
      if (isLast) return { release: () => writeFile(`${path}.${own}`, '') };
    }
  } finally {
    await rm(draft, { force: true });
  }
}

/** The living process that holds the lock at `path`, if any; the lock is left as it is. */
export async function findLockOwner(path: string): Promise<ProcessIdentity | undefined> {
  const last = (await listLocks(path)).at(-1);
  return last === undefined ? undefined : ownerOf(path, last);
}

/** True when somebody has once held the lock at `path`, whether or not they still do. */
export async function hasBeenLocked(path: string): Promise<boolean> {
  return (await listLocks(path)).length > 0;
}

/** The numbers of the files, ascending. */
async function listLocks(path: string): Promise<number[]> {
  const prefix = `${basename(path)}.`;
  const names = await readdir(dirname(path)).catch((error: unknown) => {
    if (systemErrorCode(error) === 'ENOENT') return []; // before the first start
    throw error;
  });
  return names
    .filter((name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)))
    .map((name) => Number(name.slice(prefix.length)))
    .sort((a, b) => a - b);
}

/** A link appears with its whole content at once, so that no reader sees a half-written lock. */
async function tryLink(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

async function refuseIfOwned(path: string, number: number): Promise<void> {
  const owner = await ownerOf(path, number);
  if (owner === undefined) return;
  throw new EmbeddedInUseError(
    `The embedded Postgres of ${path.replace(/\.lock$/, '')} is in use by process ${owner.pid}: ` +
      'stop that process, or set CLOISTER_HOME to another folder for this one.',
  );
}

async function ownerOf(path: string, number: number): Promise<ProcessIdentity | undefined> {
  const content = await readFile(`${path}.${number}`, 'utf8').catch(() => ''); // obsolete meanwhile
  const claimed = parseIdentity(content);
  if (claimed === undefined) return undefined;
  const found = await findProcess(claimed.pid);
  return found?.startedAt === claimed.startedAt ? found : undefined;
}

function parseIdentity(content: string): ProcessIdentity | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(content);
  } catch {
    return undefined; // Released, or cut short by a loss of power.
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const { pid, startedAt } = parsed as Partial<ProcessIdentity>;
  return typeof pid === 'number' && typeof startedAt === 'string' ? { pid, startedAt } : undefined;
}
