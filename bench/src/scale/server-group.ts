/** One or several processes of cloister as it ships, each with a port and a connection budget. */
import { join } from 'node:path';
import { startChildServer, type ChildServer } from '../child-server';
import { PROJECT_ROOT } from '../product';
import { newestNode } from '../server-node';
import { npmStartArguments } from '../targets';
import type { MemoryReading } from './memory-probe';

export interface ServerGroup {
  readonly servers: readonly ChildServer[];
  readonly ports: readonly number[];
  /** Of the first, after garbage was collected. */
  memory(): Promise<MemoryReading>;
  stop(): Promise<void>;
}

export interface ServerGroupSpec {
  readonly count: number;
  readonly home: string;
  /** The registry, the keys, the connection budget and whatever else a part changes. */
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export async function startServers(spec: ServerGroupSpec): Promise<ServerGroup> {
  const servers: ChildServer[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  try {
    for (let index = 0; index < spec.count; index += 1) {
      servers.push(
        await startChildServer({
          name: `cloister ${index + 1}`,
          node: newestNode().path,
          args: [
            '--expose-gc',
            '--require',
            join(__dirname, 'memory-probe.js'),
            ...npmStartArguments(PROJECT_ROOT),
          ],
          cwd: PROJECT_ROOT,
          env: { ...spec.env, NODE_ENV: 'production', CLOISTER_HOME: join(spec.home, 'cloister') },
          errorFile: join(spec.home, 'servers.log'),
          signal: spec.signal,
        }),
      );
    }
  } catch (error) {
    await stop();
    throw error;
  }
  const [first] = servers;
  if (first === undefined) throw new Error('Expected at least one server.');
  return {
    servers,
    ports: servers.map(({ port }) => port),
    memory: async () => (await first.ask('memory')) as MemoryReading,
    stop,
  };
}
