/**
 * Counts connections while something else goes on: those that Postgres has, by what opened them, and
 * those that each server process has open to its data sources, by its sockets. The registry's are
 * told apart; they are not in the budget.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';

export interface ConnectionPeak {
  readonly samples: number;
  /** The most at once in Postgres: of tenants' pools, and of everything for the registry. */
  readonly tenants: number;
  readonly registry: number;
  readonly byApplication: Readonly<Record<string, number>>;
  /** The most that one server process had open to the data sources. */
  readonly byProcess: readonly number[];
}

export interface ConnectionWatch {
  stop(): Promise<ConnectionPeak>;
}

export interface ConnectionWatchSpec {
  readonly adminUrl: string;
  readonly pids: readonly number[];
  /** Where the data sources are reached: of Postgres, or of PgBouncer before it. */
  readonly dataSourcePort: number;
  readonly everyMs?: number;
}

/** What tenants' pools call themselves; all else of the server belongs to the registry. */
const TENANT_POOLS = 'cloister';

export async function watchConnections(spec: ConnectionWatchSpec): Promise<ConnectionWatch> {
  const { adminUrl, pids, dataSourcePort, everyMs = 100 } = spec;
  const admin = new Client({ connectionString: adminUrl, application_name: 'bench-watch' });
  await admin.connect();
  const byApplication: Record<string, number> = {};
  const byProcess = pids.map(() => 0);
  let samples = 0;
  let tenants = 0;
  let registry = 0;
  const viaPooler = dataSourcePort !== Number(new URL(adminUrl).port);
  let stopped = false;

  const look = async (): Promise<void> => {
    const { rows } = await admin.query<{ name: string; port: number }>(
      `select application_name as name, client_port as port from pg_stat_activity
       where backend_type = 'client backend'
         and (application_name like 'cloister%' or state = 'starting')`,
    );
    const counts: Record<string, number> = {};
    const pooled = new Set<number>();
    for (const { name, port } of rows) {
      // One that is still signing in has no name yet; almost all of those are for tenants.
      const whose = name === '' ? TENANT_POOLS : name;
      counts[whose] = (counts[whose] ?? 0) + 1;
      if (whose === TENANT_POOLS) pooled.add(port);
    }
    for (const [name, count] of Object.entries(counts)) {
      byApplication[name] = Math.max(byApplication[name] ?? 0, count);
    }
    tenants = Math.max(tenants, pooled.size);
    registry = Math.max(registry, rows.length - pooled.size);
    const sockets = establishedTo(dataSourcePort);
    for (const [index, pid] of pids.entries()) {
      const open = socketsOf(pid).filter((inode) => {
        const port = sockets.get(inode);
        return port !== undefined && (viaPooler || pooled.has(port));
      });
      byProcess[index] = Math.max(byProcess[index] ?? 0, open.length);
    }
    samples += 1;
  };

  const watching = (async () => {
    while (!stopped) {
      await look();
      await delay(everyMs);
    }
  })();
  return {
    async stop() {
      stopped = true;
      await watching;
      await admin.end();
      return { samples, tenants, registry, byApplication, byProcess };
    },
  };
}

const ESTABLISHED = '01';

/** Local port by inode, of sockets connected to the port. */
function establishedTo(remotePort: number): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1)) {
    const [, local = '', remote = '', state, , , , , , inode = ''] = line.trim().split(/\s+/);
    if (state !== ESTABLISHED || portOf(remote) !== remotePort) continue;
    found.set(inode, portOf(local));
  }
  return found;
}

const portOf = (address: string): number => Number.parseInt(address.split(':')[1] ?? '', 16);

function socketsOf(pid: number): readonly string[] {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).flatMap((fd) => {
      const inode = /^socket:\[(\d+)\]$/.exec(link(`${folder}/${fd}`))?.[1];
      return inode === undefined ? [] : [inode];
    });
  } catch {
    return []; // the process is gone
  }
}

function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ''; // closed meanwhile
  }
}
