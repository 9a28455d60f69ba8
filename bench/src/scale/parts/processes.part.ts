/** The skewed load over several server processes, each with a budget of its own. */
import { watchConnections } from '../connection-watch';
import { drive } from '../traffic';
import { skewedRequests, type LoadRow } from './load.part';
import type { PartContext } from './part';
import { practise } from './practice';

const CONNECTIONS = 32;

export async function measureProcesses(context: PartContext): Promise<readonly LoadRow[]> {
  const { fleet, options, progress, signal } = context;
  const rows: LoadRow[] = [];
  for (const count of options.processes) {
    progress.say(`processes: ${count}`);
    const servers = await context.startServers(count);
    try {
      await practise(context, servers, fleet.tenants.slice(0, 20));
      const watch = await watchConnections({
        adminUrl: fleet.adminUrl,
        pids: servers.servers.map(({ pid }) => pid),
        dataSourcePort: fleet.dataSourcePort,
      });
      const { tenantOf, ...skewed } = skewedRequests(fleet);
      const load = {
        ...skewed,
        ...(options.sticky ? { portOf: tenantOf } : {}),
        ports: servers.ports,
        connections: CONNECTIONS,
        signal,
      };
      // Until most tenants were met once: the first meeting is the part "cold".
      await drive({ ...load, seconds: options.seconds * 3 });
      const driven = await drive({ ...load, seconds: options.seconds * 2 });
      const connections = await watch.stop();
      const what = options.sticky ? 'by Zipf, each tenant at one process' : 'by Zipf';
      rows.push({ what, processes: count, budget: options.budget, driven, connections });
    } finally {
      await servers.stop();
    }
  }
  return rows;
}
