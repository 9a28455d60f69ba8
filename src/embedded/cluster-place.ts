/**
 * Where a cluster's files lie. For the data directory `<home>/postgres`, beside it:
 *
 *   postgres.lock.<n>         who runs it now; empty when nobody does
 *   postgres.json             superuser's password and last port, readable by us alone
 *   postgres.log, .previous   what the server said in this run and in the one before
 *   postgres.runtime/         a copy of the binaries, only where node_modules cannot be used
 *
 * As root, the server runs as an account that may not be let into the home folder (/root, say).
 * Permissions of folders that are not ours are left alone; the data then lies under /var/lib, and
 * `<home>/postgres` is a symbolic link to it.
 */
import {
  access,
  chmod,
  constants,
  lstat,
  mkdir,
  mkdtemp,
  realpath,
  symlink,
} from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { EmbeddedPostgresError, systemErrorCode } from './embedded-error';
import { canReach, giveTo, type ServerAccount } from './server-account';

/** May be passed through by the server's account, and listed by nobody else. */
const PASSABLE = 0o711;
const SYSTEM_DATA_DIR = '/var/lib/cloister';

export interface ClusterPaths {
  readonly dataDir: string;
  readonly lock: string;
  readonly state: string;
  readonly log: string;
  readonly previousLog: string;
}

export function clusterPaths(dataDir: string): ClusterPaths {
  const path = resolve(dataDir);
  return {
    dataDir: path,
    lock: `${path}.lock`,
    state: `${path}.json`,
    log: `${path}.log`,
    previousLog: `${path}.previous.log`,
  };
}

/** Makes the folder around the data directory, so that the server's account may pass through it. */
export async function makeHome(paths: ClusterPaths): Promise<void> {
  const home = dirname(paths.dataDir);
  const first = await makeWritable(home);
  if (first === undefined) return;
  // By chmod, for mkdir's mode is subject to a umask that may be strict.
  for (let folder = home; folder.length >= first.length; folder = dirname(folder)) {
    await chmod(folder, PASSABLE);
  }
}

/** The outermost folder that had to be made, if any. */
async function makeWritable(home: string): Promise<string | undefined> {
  try {
    const first = await mkdir(home, { recursive: true });
    await access(home, constants.W_OK);
    return first;
  } catch (error) {
    throw new EmbeddedPostgresError(
      `${home} cannot be written (${systemErrorCode(error) ?? 'unknown error'}): start as the user ` +
        'who started first, or set CLOISTER_HOME to a folder of your own.',
      { cause: error },
    );
  }
}

/**
 * The real path of the data directory, which need not exist yet; its folder is writable for us and
 * passable for the account.
 */
export async function settleDataDir(
  paths: ClusterPaths,
  account: ServerAccount | undefined,
  log: (line: string) => void,
): Promise<string> {
  const { dataDir } = paths;
  const found = await lstat(dataDir).catch(() => undefined);
  const home = await realpath(dirname(dataDir));
  const real = found === undefined ? join(home, basename(dataDir)) : await followed(dataDir);
  if (await canReach(account, real)) return real;
  if (found !== undefined) {
    throw new EmbeddedPostgresError(
      `The server's account (user id ${account?.uid}) cannot reach ${real}: a folder above it is ` +
        'closed. Open it (`chmod o+x`), or set CLOISTER_HOME to a folder elsewhere.',
    );
  }
  const elsewhere = join(await makeSystemFolder(), basename(dataDir));
  await mkdir(elsewhere, { mode: 0o700 });
  await giveTo(account, elsewhere);
  await symlink(elsewhere, dataDir);
  log(
    `keeping the data in ${elsewhere}: Postgres cannot run as root, and the account it runs as ` +
      `cannot reach ${home}`,
  );
  return elsewhere;
}

async function followed(link: string): Promise<string> {
  return realpath(link).catch((error: unknown) => {
    throw new EmbeddedPostgresError(
      `${link} is a symbolic link to a place that is not there (${systemErrorCode(error) ?? ''}): ` +
        'bring the data back, or remove the link to start afresh.',
      { cause: error },
    );
  });
}

/** A folder of its own for each home, however often a home is removed and made again. */
async function makeSystemFolder(): Promise<string> {
  try {
    await mkdir(SYSTEM_DATA_DIR, { recursive: true, mode: 0o755 });
    await chmod(SYSTEM_DATA_DIR, 0o755);
    const folder = await mkdtemp(join(SYSTEM_DATA_DIR, 'home-'));
    await chmod(folder, PASSABLE);
    return folder;
  } catch (error) {
    throw new EmbeddedPostgresError(
      'Postgres cannot run as root, the account it runs as cannot reach CLOISTER_HOME, and ' +
        `${SYSTEM_DATA_DIR} cannot be made (${systemErrorCode(error) ?? 'unknown error'}): set ` +
        'CLOISTER_HOME to a folder outside root’s home, or start as an ordinary user.',
      { cause: error },
    );
  }
}
