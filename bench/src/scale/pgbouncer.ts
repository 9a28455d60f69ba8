/** PgBouncer in transaction mode before every data source of a fleet. */
import { spawn } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findFreePort } from '../child-server';
import { openHttpConnection } from '../http-connection';
import type { PoolerLogin } from './fleet-process';

export interface PgBouncer {
  readonly port: number;
  stop(): Promise<void>;
}

export interface PgBouncerSpec {
  readonly folder: string;
  readonly postgresPort: number;
  readonly logins: readonly PoolerLogin[];
  /** Connections to Postgres for each database, by what it is for: its pool_size. */
  readonly poolSizes: { readonly shared: number; readonly dedicated: number };
}

const READY_WITHIN_MS = 10_000;

export async function startPgBouncer(spec: PgBouncerSpec): Promise<PgBouncer> {
  const { folder, postgresPort, logins, poolSizes } = spec;
  const port = await findFreePort();
  await mkdir(folder, { recursive: true });
  const databaseLine = ({ database, placement }: PoolerLogin): string =>
    `${database} = host=127.0.0.1 port=${postgresPort} pool_size=${poolSizes[placement]}`;
  const users = join(folder, 'users.txt');
  const settings = join(folder, 'pgbouncer.ini');
  // In clear, as it needs them to sign in on both sides by SCRAM.
  await writeFile(users, logins.map(({ user, password }) => `"${user}" "${password}"\n`).join(''), {
    mode: 0o600,
  });
  await writeFile(
    settings,
    `[databases]
${logins.map(databaseLine).join('\n')}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${users}
pool_mode = transaction
max_client_conn = 2000
server_idle_timeout = 15
ignore_startup_parameters = extra_float_digits
log_connections = 0
log_disconnections = 0
`,
  );
  const isRoot = process.getuid?.() === 0;
  if (isRoot) {
    // It refuses to run as root and becomes another user, who has to read its files.
    await chmod(folder, 0o755);
    await chmod(users, 0o644);
  }
  const server = spawn('pgbouncer', ['-q', ...(isRoot ? ['-u', 'nobody'] : []), settings], {
    stdio: 'ignore',
    detached: true,
  });
  let gone: string | undefined;
  server.once('error', (error) => (gone = error.message));
  const exited = new Promise<void>((resolve) => {
    server.once('close', (code) => {
      gone ??= `ended with ${code}`;
      resolve();
    });
  });
  for (const until = Date.now() + READY_WITHIN_MS; Date.now() < until; await delay(50)) {
    if (gone !== undefined) throw new Error(`PgBouncer ${gone}.`);
    const connection = await openHttpConnection(port).catch(() => undefined);
    connection?.close();
    if (connection !== undefined) break;
  }
  return {
    port,
    async stop() {
      server.kill('SIGINT');
      await exited;
    },
  };
}
