/** Throughput over more databases than the process may have connections: each has to be opened anew. */
import { Client } from 'pg';
import { drive, questionOf, type Driven } from '../traffic';
import { drawByZipf, randomFrom, shuffled } from '../zipf';
import type { PartContext } from './part';
import { practise } from './practice';

export interface DatabasesRow {
  readonly databases: number;
  readonly order: 'in turn' | 'by Zipf';
  readonly driven: Driven;
  /** Connections opened in Postgres for each second of it. */
  readonly openedPerSecond: number;
}

const CONNECTIONS = 32;
const DRAWS = 6000;

export async function measureDatabases(context: PartContext): Promise<readonly DatabasesRow[]> {
  const { fleet, options, progress, signal } = context;
  const random = randomFrom(41);
  const dedicated = shuffled(
    fleet.tenants.filter(({ placement }) => placement === 'dedicated'),
    random,
  );
  const servers = await context.startServers(1);
  const admin = new Client({ connectionString: fleet.adminUrl });
  await admin.connect();
  const sessions = async (): Promise<number> => {
    const { rows } = await admin.query<{ sum: string }>(
      'select sum(sessions) as sum from pg_stat_database',
    );
    return Number(rows[0]?.sum ?? 0);
  };
  try {
    await practise(context, servers, dedicated.slice(0, 10));
    const rows: DatabasesRow[] = [];
    const counts = [10, 100, 300].filter((count) => count <= dedicated.length);
    if (counts.length < 3) counts.push(dedicated.length);
    const cases = counts.flatMap((databases) =>
      databases === counts.at(-1)
        ? ([
            { databases, order: 'in turn' },
            { databases, order: 'by Zipf' },
          ] as const)
        : ([{ databases, order: 'in turn' }] as const),
    );
    for (const { databases, order } of cases) {
      progress.say(`databases: ${databases}, ${order}`);
      const some = dedicated.slice(0, databases);
      const asked = order === 'in turn' ? some : drawByZipf(some, DRAWS, { random });
      const requests = asked.map((tenant, serial) => questionOf(fleet, tenant, 'account', serial));
      const work = { ports: servers.ports, requests, connections: CONNECTIONS, signal };
      // Until each was met once: the first meeting is the part "cold".
      await drive({ ...work, seconds: options.seconds });
      const before = await sessions();
      const driven = await drive({ ...work, seconds: options.seconds * 2 });
      rows.push({
        databases,
        order,
        driven,
        openedPerSecond: ((await sessions()) - before) / (options.seconds * 2),
      });
    }
    return rows;
  } finally {
    await admin.end();
    await servers.stop();
  }
}
