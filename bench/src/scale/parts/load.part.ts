/** All tenants at once: by Zipf's law for a while, and each once while the process knows nobody yet. */
import { watchConnections, type ConnectionPeak } from '../connection-watch';
import type { Fleet } from '../fleet';
import { drive, mixedQuestion, questionOf, visit, type Driven } from '../traffic';
import { drawByZipf, randomFrom, shuffled } from '../zipf';
import type { PartContext } from './part';
import { practise } from './practice';

export interface LoadRow {
  readonly what: string;
  readonly processes: number;
  readonly budget: number;
  readonly driven: Driven;
  readonly connections: ConnectionPeak;
}

const CONNECTIONS = 32;
const STAMPEDE_CONNECTIONS = 200;
const DRAWS = 20_000;

/** Requests of all working tenants, the busiest drawn a thousand times as often as the last. */
export function skewedRequests(fleet: Fleet): {
  readonly requests: readonly Buffer[];
  readonly groupOf: (index: number) => string;
  readonly tenantOf: (index: number) => number;
} {
  const random = randomFrom(31);
  const drawn = drawByZipf(shuffled(fleet.tenants, random), DRAWS, { random });
  return {
    requests: drawn.map((tenant, serial) =>
      questionOf(fleet, tenant, mixedQuestion(random()), serial),
    ),
    groupOf: (index) => drawn[index]?.placement ?? '',
    tenantOf: (index) => drawn[index]?.index ?? 0,
  };
}

export async function measureLoad(context: PartContext): Promise<readonly LoadRow[]> {
  const { fleet, options, progress, signal } = context;
  progress.say('load: every tenant at once, none of them known');
  const rows = [
    await watched(context, 'each once, all cold', async ([port = 0]) => {
      const order = shuffled(fleet.tenants, randomFrom(37));
      const requests = order.map((tenant) => questionOf(fleet, tenant, 'page'));
      return visit(port, requests, STAMPEDE_CONNECTIONS, signal);
    }),
  ];
  progress.say('load: by Zipf');
  rows.push(
    await watched(
      context,
      'by Zipf',
      async (ports) => {
        const load = { ...skewedRequests(fleet), ports, connections: CONNECTIONS, signal };
        // Until most tenants were met once.
        await drive({ ...load, seconds: options.seconds * 3 });
        return drive({ ...load, seconds: options.seconds * 3 });
      },
      true,
    ),
  );
  return rows;
}

/** On one fresh process. */
async function watched(
  context: PartContext,
  what: string,
  work: (ports: readonly number[]) => Promise<Driven>,
  practised = false,
): Promise<LoadRow> {
  const { fleet, options } = context;
  const servers = await context.startServers(1);
  try {
    if (practised) await practise(context, servers, fleet.tenants.slice(0, 20));
    const watch = await watchConnections({
      adminUrl: fleet.adminUrl,
      pids: servers.servers.map(({ pid }) => pid),
      dataSourcePort: fleet.dataSourcePort,
    });
    let connections: ConnectionPeak | undefined;
    const driven = await work(servers.ports).finally(async () => {
      connections = await watch.stop();
    });
    if (connections === undefined) throw new Error('The connections were not counted.');
    return { what, processes: 1, budget: options.budget, driven, connections };
  } finally {
    await servers.stop();
  }
}
