/** A server as a process of its own: started, waited for until it answers, stopped with its end. */
import { spawn } from 'node:child_process';
import { openSync, closeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { openHttpConnection } from './http-connection';

export interface ChildServerSpec {
  readonly name: string;
  /** The Node to run it with. */
  readonly node: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Takes what it says on standard error. */
  readonly errorFile: string;
  readonly signal: AbortSignal;
}

export interface ChildServer {
  readonly pid: number;
  readonly port: number;
  /** Puts a word on the channel of the process and waits for what it sends back. */
  ask(question: string): Promise<unknown>;
  stop(): Promise<void>;
}

const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 15_000;

export async function startChildServer(spec: ChildServerSpec): Promise<ChildServer> {
  const port = await findFreePort();
  const errors = openSync(spec.errorFile, 'a');
  const child = spawn(spec.node, spec.args, {
    cwd: spec.cwd,
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: process.env['HOME'] ?? '',
      ...spec.env,
      PORT: String(port),
    },
    // Logs are written as in production; nobody reads them here. The channel tells peers of our end.
    stdio: ['ignore', openSync('/dev/null', 'w'), errors, 'ipc'],
    // Ctrl-C is ours to hear: we stop the servers in order.
    detached: true,
  });
  closeSync(errors);
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.once('error', () => undefined); // told below: it does not run
  const { pid } = child;
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;

  const stop = async (): Promise<void> => {
    if (hasEnded() || pid === undefined) return;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
    await exited;
    clearTimeout(timer);
  };

  const ask = (question: string): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (hasEnded()) return reject(new Error(`The server ${spec.name} has ended.`));
      child.once('message', resolve);
      child.send(question, (error) => error !== null && reject(error));
    });

  const until = Date.now() + READY_WITHIN_MS;
  while (pid !== undefined && !hasEnded() && Date.now() < until && !spec.signal.aborted) {
    const connection = await openHttpConnection(port).catch(() => undefined);
    if (connection !== undefined) {
      connection.close();
      return { pid, port, ask, stop };
    }
    await delay(50);
  }
  await stop();
  spec.signal.throwIfAborted();
  const said = await readFile(spec.errorFile, 'utf8').catch(() => '');
  throw new Error(`The server ${spec.name} did not start:\n${said.slice(-2000)}`);
}

export function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
