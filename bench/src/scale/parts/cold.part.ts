/**
 * A tenant's first answer from a process that never met it, and the next one. One request at a time,
 * so that it is the tenant's way that is timed and no queue.
 */
import { Client } from 'pg';
import { openHttpConnection } from '../../http-connection';
import type { WorkingTenant } from '../fleet';
import { Tally, type Summary } from '../latencies';
import { questionOf } from '../traffic';
import { randomFrom, shuffled } from '../zipf';
import type { PartContext } from './part';
import { practise } from './practice';

export interface ColdRow {
  readonly what: string;
  readonly cold: Summary;
  /** Again at once. */
  readonly warm: Summary;
  /** Once all the others have been: what the process believed of the session is over. */
  readonly later?: Summary;
}

const PRACTISING = 10;

export async function measureCold(context: PartContext): Promise<readonly ColdRow[]> {
  const { fleet, options, progress } = context;
  const order = shuffled(fleet.tenants, randomFrom(11));
  const of = (placement: WorkingTenant['placement']): WorkingTenant[] =>
    order.filter((tenant) => tenant.placement === placement);
  const practising = Math.min(PRACTISING, Math.floor(of('dedicated').length / 4));
  const servers = await context.startServers(1);
  try {
    // One at a time, so that few connections are open when the strangers come.
    const practised = [
      ...of('shared').slice(0, PRACTISING * 2),
      ...of('dedicated').slice(0, practising),
    ];
    await practise(context, servers, practised, 1);
    const [port = 0] = servers.ports;
    progress.say('cold: shared tenants');
    const shared = await meet(context, port, of('shared').slice(PRACTISING * 2));
    const open = await openConnections(fleet.adminUrl);
    const strangers = of('dedicated').slice(practising);
    const room = Math.max(1, options.budget - open);
    progress.say(`cold: dedicated tenants, with room for ${room} connections`);
    const withRoom = await meet(context, port, strangers.slice(0, room));
    const withoutRoom = await meet(context, port, strangers.slice(room));
    return [
      { what: 'shared', ...shared },
      { what: 'dedicated, room in the budget', ...withRoom },
      { what: 'dedicated, budget used up', ...withoutRoom },
    ];
  } finally {
    await servers.stop();
  }
}

async function meet(
  { fleet, signal }: PartContext,
  port: number,
  tenants: readonly WorkingTenant[],
): Promise<Omit<ColdRow, 'what'>> {
  const tallies = { cold: new Tally(), warm: new Tally(), later: new Tally() };
  const connection = await openHttpConnection(port);
  const begunAt = performance.now();
  const ask = async (kind: keyof typeof tallies, tenant: WorkingTenant): Promise<void> => {
    signal.throwIfAborted();
    const request = questionOf(fleet, tenant, 'page');
    const sent = performance.now();
    const answer = await connection.send(request);
    tallies[kind].add(answer, performance.now() - sent);
  };
  try {
    for (const tenant of tenants) {
      await ask('cold', tenant);
      await ask('warm', tenant);
    }
    for (const tenant of tenants) await ask('later', tenant);
  } finally {
    connection.close();
  }
  const elapsed = (performance.now() - begunAt) / 1000;
  return {
    cold: tallies.cold.summary(elapsed),
    warm: tallies.warm.summary(elapsed),
    later: tallies.later.summary(elapsed),
  };
}

async function openConnections(adminUrl: string): Promise<number> {
  const admin = new Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    const { rows } = await admin.query<{ count: number }>(
      "select count(*)::int as count from pg_stat_activity where application_name = 'cloister'",
    );
    return rows[0]?.count ?? 0;
  } finally {
    await admin.end();
  }
}
