/** Processes of their own for tests: servers, and scripts that are killed on the way. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

type Variables = Readonly<Record<string, string>>;

function startScript(script: string, args: readonly string[], variables: Variables): ChildProcess {
  return spawn(
    process.execPath,
    ['-r', join(__dirname, 'typescript.register.cjs'), join(__dirname, script), ...args],
    {
      env: { PATH: process.env['PATH'], NODE_ENV: 'test', ...variables },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
}

/** Runs a script to its end. @returns the signal that ended it, or null. */
export async function runScript(
  script: string,
  args: readonly string[],
  variables: Variables,
): Promise<{ signal: NodeJS.Signals | null; output: string }> {
  const child = startScript(script, args, variables);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  }
  const [, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { signal, output };
}

export interface ServerProcess {
  readonly url: string;
  readonly output: () => string;
  stop(): Promise<void>;
  /** Ends it on the spot, as when its machine dies. */
  kill(): Promise<void>;
}

/** `cloister start` on a free port, in a process of its own. */
export async function startServerProcess(variables: Variables): Promise<ServerProcess> {
  const child = startScript('cloister.process.ts', ['start'], {
    PORT: '0',
    LOG_LEVEL: 'warn',
    SHUTDOWN_DRAIN_DELAY_MS: '0',
    ...variables,
  });
  let output = '';
  const url = await new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        const [, found] = /^API +(\S+)\/graphql$/m.exec(output) ?? [];
        if (found !== undefined) resolve(found);
      });
    }
    child.once('close', () => reject(new Error(`The server ended: ${output}`)));
  });
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, 'close');
    child.kill(signal);
    await closed;
  };
  return {
    url,
    output: () => output,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}
