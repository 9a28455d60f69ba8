/**
 * Makes a cluster, whole or not at all: initdb works in a folder beside the data directory, and the
 * finished cluster is renamed into place. A start that is killed meanwhile leaves a draft, which the
 * next one removes.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { EmbeddedPostgresError, reasonOf } from './embedded-error';
import type { PostgresRuntime } from './postgres-runtime';
import { asAccount, giveTo, type ServerAccount } from './server-account';

const run = promisify(execFile);
/** The major version of the binaries in package.json. */
const MAJOR_VERSION = '18';

export const SUPERUSER = 'postgres';

export interface ClusterInitOptions {
  readonly runtime: PostgresRuntime;
  readonly account: ServerAccount | undefined;
  /** A real path. */
  readonly dataDir: string;
  readonly superuserPassword: string;
  /** False leaves writing to the system's own time, for clusters that may be lost. */
  readonly durable: boolean;
}

/**
 * True when `dataDir` holds a cluster that our binaries can serve, false when it is absent or empty.
 * @throws EmbeddedPostgresError when it holds anything else.
 */
export async function hasCluster(dataDir: string): Promise<boolean> {
  const version = await readFile(join(dataDir, 'PG_VERSION'), 'utf8').catch(() => undefined);
  if (version?.trim() === MAJOR_VERSION) return true;
  if (version !== undefined) {
    throw new EmbeddedPostgresError(
      `${dataDir} was made by Postgres ${version.trim()}, and this is ${MAJOR_VERSION}: export it ` +
        'with the version of cloister that made it, or set CLOISTER_HOME to another folder.',
    );
  }
  const entries = await readdir(dataDir).catch(() => []);
  if (entries.length === 0) return false;
  throw new EmbeddedPostgresError(
    `${dataDir} is neither empty nor a Postgres cluster (it holds ${entries[0]}): ` +
      'set CLOISTER_HOME to another folder, or remove what is in it.',
  );
}

/** Makes the cluster. `dataDir` must be absent or empty, and its lock ours. */
export async function initialiseCluster(options: ClusterInitOptions): Promise<void> {
  const { runtime, account, dataDir, superuserPassword, durable } = options;
  await removeDrafts(dataDir);
  const draft = await mkdtemp(draftPrefix(dataDir));
  const passwordFile = join(draft, 'password');
  const cluster = join(draft, 'cluster');
  try {
    await writeFile(passwordFile, `${superuserPassword}\n`, { mode: 0o600 });
    await mkdir(cluster, { mode: 0o700 });
    await chmod(draft, 0o700);
    for (const path of [cluster, passwordFile, draft]) await giveTo(account, path);
    const flags = [
      `--pgdata=${cluster}`,
      `--username=${SUPERUSER}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      // Postgres' own locale: the same order on every system, whatever libc or ICU is there.
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--no-instructions',
      ...(durable ? [] : ['--no-sync']),
    ];
    await run(runtime.initdb, flags, asAccount(account)).catch((error: unknown) => {
      throw new EmbeddedPostgresError(`initdb did not make a cluster: ${reasonOf(error)}`, {
        cause: error,
      });
    });
    await rename(cluster, dataDir);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

async function removeDrafts(dataDir: string): Promise<void> {
  const folder = dirname(dataDir);
  const prefix = basename(draftPrefix(dataDir));
  for (const name of await readdir(folder)) {
    // An initdb that outlived its start still writes there for a moment, hence the retries.
    if (name.startsWith(prefix)) {
      await rm(join(folder, name), { recursive: true, force: true, maxRetries: 5 });
    }
  }
}

const draftPrefix = (dataDir: string): string => `${dataDir}.new-`;
