/**
 * One running postmaster as a child process.
 *
 * It leads a session of its own, so that Ctrl-C in the terminal reaches our process only, which
 * drains first and stops the database last. It listens on 127.0.0.1 and on no Unix socket. Its
 * output goes to a file, not a pipe: a pipe would break with our process and take the server's log.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { open, readFile, rename } from 'node:fs/promises';
import type { ClusterPaths } from './cluster-place';
import { readPostmasterFile, STOP_SIGNALS } from './cluster-recovery';
import { EmbeddedPostgresError, systemErrorCode } from './embedded-error';
import type { PostgresRuntime } from './postgres-runtime';
import { waitUntil } from './processes';
import { asAccount, type ServerAccount } from './server-account';

/** Recovery after a crash replays the log first, which takes long after a big import. */
const READY_LIMIT_MS = 120_000;
const LOG_LINES_SHOWN = 15;

export interface PostmasterOptions {
  readonly runtime: PostgresRuntime;
  readonly account: ServerAccount | undefined;
  /** The real path; `paths` may lead there by a symbolic link. */
  readonly dataDir: string;
  readonly paths: ClusterPaths;
  readonly port: number;
  readonly settings: Readonly<Record<string, string>>;
  readonly log: (line: string) => void;
}

export interface Postmaster {
  readonly pid: number;
  /** Stops the server, by force if it must be; safe to call again. */
  stop(): Promise<void>;
}

/** Why a postmaster did not come up. */
export class PostmasterStartError extends EmbeddedPostgresError {
  constructor(
    message: string,
    /** True when another program took the port between its choice and its use. */
    readonly portTaken: boolean,
  ) {
    super(message);
  }
}

/** Starts a postmaster and resolves once it accepts connections. @throws PostmasterStartError */
export async function launchPostmaster(options: PostmasterOptions): Promise<Postmaster> {
  const { runtime, account, dataDir, paths, log } = options;
  await rename(paths.log, paths.previousLog).catch((error: unknown) => {
    if (systemErrorCode(error) !== 'ENOENT') throw error; // ENOENT: the first start has no log
  });
  const output = await open(paths.log, 'a', 0o600);
  let child: ChildProcess;
  try {
    child = spawn(runtime.postgres, serverArguments(options), {
      ...asAccount(account),
      detached: true,
      stdio: ['ignore', output.fd, output.fd],
    });
  } finally {
    await output.close();
  }
  // The API's own sockets keep our process alive, and an `exit` must not wait for the database.
  child.unref();

  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(`it ended with ${signal ?? `code ${code}`}`));
  });
  let ending: string | undefined;
  void exited.then((reason) => (ending = reason));

  const isReady = async () => {
    const file = await readPostmasterFile(dataDir);
    return file !== undefined && file.pid === child.pid && file.ready;
  };
  await waitUntil(async () => ending !== undefined || (await isReady()), READY_LIMIT_MS);
  if (ending !== undefined || child.pid === undefined || !(await isReady())) {
    child.kill('SIGQUIT');
    throw await startError(ending ?? `it was not ready within ${READY_LIMIT_MS} ms`, paths);
  }
  return supervise(child, child.pid, exited, log);
}

function serverArguments({ dataDir, port, settings }: PostmasterOptions): string[] {
  const enforced = {
    ...settings,
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
  };
  return ['-D', dataDir, ...Object.entries(enforced).flatMap(([k, v]) => ['-c', `${k}=${v}`])];
}

function supervise(
  child: ChildProcess,
  pid: number,
  exited: Promise<string>,
  log: (line: string) => void,
): Postmaster {
  let stopping: Promise<void> | undefined;
  // Where nobody awaited stop() (process.exit, an uncaught error), the shutdown is at least begun.
  const onProcessExit = () => void child.kill('SIGINT');
  process.once('exit', onProcessExit);
  void exited.then((reason) => {
    process.removeListener('exit', onProcessExit);
    if (stopping === undefined) log(`the embedded Postgres has gone: ${reason}`);
  });

  const stop = async (): Promise<void> => {
    let ended = false;
    void exited.then(() => (ended = true));
    for (const { signal, limitMs } of STOP_SIGNALS) {
      child.kill(signal);
      if (await waitUntil(() => ended, limitMs)) return;
    }
    throw new EmbeddedPostgresError(`The embedded Postgres (process ${pid}) does not stop.`);
  };
  return { pid, stop: () => (stopping ??= stop()) };
}

async function startError(reason: string, paths: ClusterPaths): Promise<PostmasterStartError> {
  const content = await readFile(paths.log, 'utf8').catch(() => '');
  const tail = content.trimEnd().split('\n').slice(-LOG_LINES_SHOWN).join('\n');
  return new PostmasterStartError(
    `The embedded Postgres did not start: ${reason}. The last lines of ${paths.log}:\n${tail}`,
    content.includes('could not bind') && content.includes('in use'),
  );
}
