/**
 * A Postgres server of a test's own and a streaming replica of it, made as Postgres' manual says for
 * a low-level base backup: copied file by file between pg_backup_start and pg_backup_stop, so that no
 * program is needed beyond the server itself.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, open, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { startEmbeddedPostgres } from '../../src/embedded/embedded-postgres';
import { findPlatformPackage, preparePostgresRuntime } from '../../src/embedded/postgres-runtime';
import { asAccount, chooseServerAccount } from '../../src/embedded/server-account';
import { ask, eventually } from './data-sources';
import { startTcpProxy } from './tcp-proxy';

const run = promisify(execFile);

export interface Primary {
  /** Of a superuser, to the database `postgres`. */
  readonly url: string;
  /** Makes a replica of all databases there are, and brings it up. */
  replicate(): Promise<StreamingReplica>;
  stop(): Promise<void>;
}

export interface StreamingReplica {
  /** The same database on the replica. */
  urlOf(primaryUrl: string): string;
  /** Replaying pauses: what is written meanwhile is not seen. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Ends at once, as when the machine dies. */
  kill(): Promise<void>;
}

export async function startPrimary(): Promise<Primary> {
  const folder = await mkdtemp(join(tmpdir(), 'cloister-replication-'));
  await chmod(folder, 0o711); // run by root, the server has an account of its own
  const dataDir = join(folder, 'primary');
  const primary = await startEmbeddedPostgres({
    dataDir,
    settings: { fsync: 'off', max_connections: '100', timezone: 'UTC', wal_level: 'replica' },
  });
  const url = primary.urlFor('postgres');
  const replicas: ChildProcess[] = [];
  return {
    url,
    async replicate() {
      const copy = join(folder, `replica-${replicas.length}`);
      await copyCluster(url, await realpath(dataDir), copy);
      const port = await freePort(url);
      const replica = await launch(copy, port, url);
      replicas.push(replica);
      return control(replica, port, url);
    },
    async stop() {
      await Promise.all(replicas.map(kill));
      await primary.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function copyCluster(url: string, from: string, to: string): Promise<void> {
  const session = new Client({ connectionString: url });
  await session.connect();
  try {
    await session.query("select pg_backup_start('test', true)");
    await run('cp', ['-a', from, to]);
    const { rows } = await session.query<{ labelfile: string }>(
      'select * from pg_backup_stop(false)',
    );
    await rm(join(to, 'postmaster.pid'), { force: true });
    await writeOwned(to, 'backup_label', rows[0]?.labelfile ?? '');
    await writeOwned(to, 'standby.signal', '');
  } finally {
    await session.end();
  }
}

async function writeOwned(folder: string, name: string, text: string): Promise<void> {
  const { uid, gid } = await stat(folder);
  const file = await open(join(folder, name), 'w', 0o600);
  await file.writeFile(text);
  if (process.getuid?.() === 0) await file.chown(uid, gid);
  await file.close();
}

async function launch(dataDir: string, port: number, primaryUrl: string): Promise<ChildProcess> {
  const account = await chooseServerAccount(dataDir);
  const { postgres } = await preparePostgresRuntime({
    packageDir: findPlatformPackage(),
    copyDir: `${dataDir}.runtime`,
    account,
    log: () => undefined,
  });
  const { hostname, port: primaryPort, username, password } = new URL(primaryUrl);
  const conninfo = `host=${hostname} port=${primaryPort} user=${username} password=${decodeURIComponent(password)}`;
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    hot_standby: 'on',
    max_connections: '100',
    fsync: 'off',
    primary_conninfo: conninfo,
    wal_retrieve_retry_interval: '100',
  };
  const log = `${dataDir}.log`;
  await writeFile(log, '');
  const output = await open(log, 'a');
  const child = spawn(
    postgres,
    [
      '-D',
      dataDir,
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    { ...asAccount(account), stdio: ['ignore', output.fd, output.fd] },
  );
  await output.close();
  const url = at(primaryUrl, port);
  await eventually(
    () =>
      ask(url, 'select 1').then(
        () => 'up',
        async (error: unknown) =>
          child.exitCode === null
            ? String(error)
            : Promise.reject(new Error(await readFile(log, 'utf8'))),
      ),
    (state) => state === 'up',
    30_000,
  );
  return child;
}

function control(child: ChildProcess, port: number, primaryUrl: string): StreamingReplica {
  const url = at(primaryUrl, port);
  return {
    urlOf: (database) => at(database, port),
    pause: async () => {
      await ask(url, 'select pg_wal_replay_pause()');
      await eventually(
        () => ask<{ state: string }>(url, 'select pg_get_wal_replay_pause_state() as state'),
        ([row]) => row?.state === 'paused',
      );
    },
    resume: async () => void (await ask(url, 'select pg_wal_replay_resume()')),
    kill: () => kill(child),
  };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGQUIT');
  await exited;
}

const at = (url: string, port: number): string => {
  const moved = new URL(url);
  moved.port = String(port);
  return moved.toString();
};

async function freePort(url: string): Promise<number> {
  const probe = await startTcpProxy(url);
  await probe.close();
  return probe.port;
}
