/**
 * Postgres refuses to run as root. When we are root, the server runs as an unprivileged account of
 * the system, by the uid and gid of spawn: nothing is installed, and no account is made where one
 * that fits exists. An ordinary user runs the server as itself.
 */
import { execFile, type SpawnOptions } from 'node:child_process';
import { chown, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { EmbeddedPostgresError, systemErrorCode } from './embedded-error';

const run = promisify(execFile);
const ROOT = 0;

/** Made for the purpose first; `nobody` is there on nearly every system. */
const PREFERRED_ACCOUNTS = ['postgres', '_postgres', 'nobody'];

export interface ServerAccount {
  readonly uid: number;
  readonly gid: number;
}

/**
 * The account to run the server as, or undefined to run it as ourselves. A cluster that exists is
 * served by the account that owns it, whoever made it.
 */
export async function chooseServerAccount(dataDir: string): Promise<ServerAccount | undefined> {
  const ownUid = process.getuid?.();
  if (ownUid === undefined) return undefined; // Windows
  const owner = await stat(dataDir).catch(() => undefined);
  if (ownUid !== ROOT) {
    if (owner === undefined || owner.uid === ownUid) return undefined;
    throw new EmbeddedPostgresError(
      `${dataDir} belongs to user id ${owner.uid}, and this process runs as ${ownUid}: start as ` +
        'the same user as the first time, or set CLOISTER_HOME to a folder of your own.',
    );
  }
  if (owner !== undefined && owner.uid !== ROOT) return { uid: owner.uid, gid: owner.gid };
  const known = await findAccount();
  if (known !== undefined) return known;
  await createAccount();
  const created = await findAccount();
  if (created === undefined) throw noAccount();
  return created;
}

/**
 * Options of spawn for the server's own programs: as the account, and with nothing of our
 * environment, for PGPORT or PGOPTIONS would change what we start and our secrets are not its business.
 */
export function asAccount(account: ServerAccount | undefined): SpawnOptions {
  if (process.platform === 'win32') return {}; // where programs need SystemRoot and more
  return { ...account, cwd: '/', env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' } };
}

/** Gives `path` to the account; does nothing when the server runs as ourselves. */
export async function giveTo(account: ServerAccount | undefined, path: string): Promise<void> {
  if (account === undefined) return;
  try {
    await chown(path, account.uid, account.gid);
  } catch (error) {
    throw new EmbeddedPostgresError(
      `Postgres cannot run as root, and this root may not give ${path} to user id ${account.uid} ` +
        `(${systemErrorCode(error) ?? 'unknown error'}): start as an ordinary user, or set ` +
        'CLOISTER_HOME to a folder on a local disk.',
      { cause: error },
    );
  }
}

/** True when the account may pass through every folder on the way to `path`. */
export async function canReach(account: ServerAccount | undefined, path: string): Promise<boolean> {
  if (account === undefined) return true;
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const { mode, uid, gid } = await stat(folder);
    const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}

/** Read from /etc/passwd, for `id` and `getent` are not on every system. */
async function findAccount(): Promise<ServerAccount | undefined> {
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const accounts = passwd.split('\n').map((line) => line.split(':'));
  for (const name of PREFERRED_ACCOUNTS) {
    const [, , uid, gid] = accounts.find(([candidate]) => candidate === name) ?? [];
    if (Number(uid) !== ROOT && uid !== undefined && gid !== undefined) {
      return { uid: Number(uid), gid: Number(gid) };
    }
  }
  return undefined;
}

async function createAccount(): Promise<void> {
  try {
    await run('useradd', ['--system', '--user-group', '--no-create-home', 'postgres']);
  } catch {
    // Alpine's busybox has adduser in its place; when that fails too, the reason is the same.
    await run('adduser', ['-S', '-D', '-H', 'postgres']).catch((error: unknown) => {
      throw noAccount(error);
    });
  }
}

const noAccount = (cause?: unknown): EmbeddedPostgresError =>
  new EmbeddedPostgresError(
    'Postgres cannot run as root, no account named postgres or nobody exists, and none could be ' +
      'made: create one (`useradd --system postgres`), or start as an ordinary user.',
    { cause },
  );
