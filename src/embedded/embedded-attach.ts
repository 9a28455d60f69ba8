/**
 * The embedded Postgres for a command of the command line: the one that runs already (of `npm
 * start`, say), or else one of its own for as long as the command takes. A running server is never
 * stopped, started or fought for here: what its owner left in `<home>` is enough to connect to it.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findLockOwner } from './cluster-lock';
import { clusterPaths } from './cluster-place';
import { readPostmasterFile } from './cluster-recovery';
import { readClusterState, readPrivateJson } from './cluster-state';
import { EmbeddedInUseError, EmbeddedPostgresError } from './embedded-error';
import { EMBEDDED_LOGINS } from './embedded-layout';
import {
  embeddedAccess,
  prepareEmbedded,
  secretsPath,
  storedSecrets,
  type EmbeddedAccess,
  type PrepareEmbeddedOptions,
} from './embedded-settings';
import { awaitUnused, beginUse } from './embedded-use';
import { isAlive, waitUntil } from './processes';

/** An owner may be making the cluster just now, which takes seconds on a slow disk. */
const READY_LIMIT_MS = 60_000;
/** Of a server that is just starting or stopping there is soon more to be known. */
const RETRY_MS = 200;
const ATTEMPTS = 100;

export interface OpenedEmbedded extends EmbeddedAccess {
  /** True when the server is ours: its databases are there, their schemas are not seen to yet. */
  readonly started: boolean;
  /** Stops the server if it is ours and nobody else uses it any more; safe to call again. */
  close(): Promise<void>;
}

/**
 * Attaches to the embedded Postgres of `home`, or starts it when nobody runs it.
 * @throws EmbeddedPostgresError when it can be neither reached nor started.
 */
export async function openEmbedded(
  home: string,
  options: PrepareEmbeddedOptions = {},
): Promise<OpenedEmbedded> {
  for (let attempt = 1; ; attempt += 1) {
    const running = await attachEmbedded(home);
    if (running !== undefined) {
      const use = await beginUse(running.settings.REGISTRY_URL);
      if (use !== undefined) return { ...running, started: false, close: () => use.end() };
    }
    try {
      // In use still, when it only was not to be reached: then it is starting or stopping.
      return await startEmbedded(home, options);
    } catch (error) {
      if (!(error instanceof EmbeddedInUseError) || attempt === ATTEMPTS) throw error;
      await delay(RETRY_MS);
    }
  }
}

async function startEmbedded(
  home: string,
  options: PrepareEmbeddedOptions,
): Promise<OpenedEmbedded> {
  const { postgres, ...access } = await prepareEmbedded(home, options);
  const close = async (): Promise<void> => {
    const { log = () => undefined } = options;
    // A server that does not answer is used by nobody.
    const alone = await awaitUnused(access.settings.REGISTRY_URL, log).catch(() => undefined);
    await postgres.stop();
    await alone?.end();
  };
  let closing: Promise<void> | undefined;
  return { ...access, started: true, close: () => (closing ??= close()) };
}

/**
 * Access to the embedded Postgres that another process (or this one) runs in `home`, once it accepts
 * connections; undefined when nobody runs it.
 */
export async function attachEmbedded(home: string): Promise<EmbeddedAccess | undefined> {
  const paths = clusterPaths(join(home, 'postgres'));
  let access: EmbeddedAccess | undefined;
  let owner = await findLockOwner(paths.lock);
  if (owner === undefined) return undefined;
  const { pid } = owner;
  await waitUntil(async () => {
    access = await findAccess(home);
    owner = await findLockOwner(paths.lock);
    return access !== undefined || owner === undefined;
  }, READY_LIMIT_MS);
  if (owner === undefined) return undefined;
  if (access !== undefined) return access;
  throw new EmbeddedPostgresError(
    `Process ${pid} has been starting the embedded Postgres of ${paths.dataDir} for ` +
      `${READY_LIMIT_MS / 1000} s without success: look at ${paths.log}, or stop that process.`,
  );
}

/** Undefined while the owner is still about to start it: files of an earlier run prove nothing. */
async function findAccess(home: string): Promise<EmbeddedAccess | undefined> {
  const paths = clusterPaths(join(home, 'postgres'));
  const postmaster = await readPostmasterFile(paths.dataDir);
  if (postmaster?.ready !== true || !(await isAlive(postmaster.pid))) return undefined;
  const [state, secrets] = await Promise.all([
    readClusterState(paths.state),
    readPrivateJson(secretsPath(home), storedSecrets),
  ]);
  if (state?.port !== postmaster.port || secrets === undefined) return undefined;
  if (EMBEDDED_LOGINS.some((role) => secrets.passwords[role] === undefined)) return undefined;
  return embeddedAccess(postmaster.port, secrets);
}
