/**
 * After `kill -9` of its owner a postmaster lives on; after `kill -9` of a postmaster its pid file
 * stays, and may by now name an unrelated process, at which Postgres refuses to start. Both are put
 * right here. Call only as owner of the cluster's lock: whatever runs is then nobody's.
 */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EmbeddedPostgresError, systemErrorCode } from './embedded-error';
import { findClusterProcesses, waitUntil } from './processes';

const SECOND = 1000;

/** Fast shutdown, then immediate (recovers from its log at the next start), then by force. */
export const STOP_SIGNALS = [
  { signal: 'SIGINT', limitMs: 15 * SECOND },
  { signal: 'SIGQUIT', limitMs: 5 * SECOND },
  { signal: 'SIGKILL', limitMs: 5 * SECOND },
] as const;

/** What a postmaster writes about itself into its data directory. */
export interface PostmasterFile {
  readonly pid: number;
  readonly port: number;
  readonly ready: boolean;
}

export async function readPostmasterFile(dataDir: string): Promise<PostmasterFile | undefined> {
  const content = await readFile(postmasterFile(dataDir), 'utf8').catch(() => undefined);
  if (content === undefined) return undefined;
  const lines = content.split('\n');
  // Line 4 is the port, line 8 the state, the one that pg_ctl waits for as well.
  return { pid: Number(lines[0]), port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' };
}

/** Leaves `dataDir` (a real path) with no process in it. @throws EmbeddedPostgresError if it cannot. */
export async function stopStrayPostgres(
  dataDir: string,
  log: (line: string) => void,
): Promise<void> {
  const strays = await findClusterProcesses(dataDir);
  if (strays.length > 0) {
    log(`stopping the Postgres that an interrupted run left behind (process ${strays.join(', ')})`);
    await stopAll(dataDir);
  }
  // Elsewhere than on Linux we cannot be sure that no backend is left; Postgres then decides.
  if (process.platform === 'linux') await rm(postmasterFile(dataDir), { force: true });
}

async function stopAll(dataDir: string): Promise<void> {
  for (const { signal, limitMs } of STOP_SIGNALS) {
    const remaining = await findClusterProcesses(dataDir);
    const postmaster = (await readPostmasterFile(dataDir))?.pid;
    // The postmaster stops its backends in order; orphaned backends are told themselves.
    const orderly = signal !== 'SIGKILL' && remaining.some((pid) => pid === postmaster);
    for (const pid of remaining) {
      if (!orderly || pid === postmaster) send(pid, signal);
    }
    const gone = await waitUntil(
      async () => (await findClusterProcesses(dataDir)).length === 0,
      limitMs,
    );
    if (gone) return;
  }
  const left = await findClusterProcesses(dataDir);
  throw new EmbeddedPostgresError(
    `A Postgres left behind by an interrupted run does not stop (process ${left.join(', ')}): ` +
      'end it by hand and start again.',
  );
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (systemErrorCode(error) !== 'ESRCH') throw error; // ESRCH: it has just ended by itself
  }
}

const postmasterFile = (dataDir: string): string => join(dataDir, 'postmaster.pid');
