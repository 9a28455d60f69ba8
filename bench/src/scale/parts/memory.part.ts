/**
 * What a tenant costs a server process: one that is registered, one that is warm (met, with all that
 * is remembered of it) and one that is active (with a connection open). Heap and buffers after garbage
 * was collected, for resident memory follows allocation by steps.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { MemoryReading } from '../memory-probe';
import { questionOf, visit } from '../traffic';
import { randomFrom, shuffled } from '../zipf';
import type { WorkingTenant } from '../fleet';
import type { PartContext } from './part';
import { practise } from './practice';

export interface MemoryFigures {
  /** Kilobytes of heap and buffers for each tenant. */
  readonly rows: readonly {
    readonly what: string;
    readonly tenants: number;
    readonly kilobytes: number;
  }[];
  /** Resident: just started, and after all. */
  readonly idleMegabytes: number;
  readonly busyMegabytes: number;
  readonly errors: Readonly<Record<string, number>>;
}

const PRACTISING = 8;
const AT_ONCE = 8;
/** Connections nobody uses are closed after 30 s. */
const UNTIL_CLOSED_MS = 38_000;

export async function measureMemory(context: PartContext): Promise<MemoryFigures> {
  const { fleet, options, progress, signal } = context;
  const order = shuffled(fleet.tenants, randomFrom(23));
  const of = (placement: WorkingTenant['placement']): WorkingTenant[] =>
    order.filter((tenant) => tenant.placement === placement);
  const servers = await context.startServers(1);
  const rows: MemoryFigures['rows'][number][] = [];
  const errors: Record<string, number> = {};
  const note = (
    what: string,
    tenants: number,
    before: MemoryReading,
    after: MemoryReading,
  ): void => {
    const bytes = after.heapUsed + after.external - before.heapUsed - before.external;
    rows.push({ what, tenants, kilobytes: bytes / 1024 / tenants });
  };
  try {
    const [port = 0] = servers.ports;
    const idle = await servers.memory();
    const { emptyMemory } = fleet.making;
    if (emptyMemory !== undefined) note('registered', fleet.size.registered, emptyMemory, idle);

    const practising = Math.min(PRACTISING, Math.floor(of('dedicated').length / 4));
    await practise(context, servers, [
      ...of('shared').slice(0, PRACTISING * 2),
      ...of('dedicated').slice(0, practising),
    ]);
    const visitAll = async (tenants: readonly WorkingTenant[]): Promise<MemoryReading> => {
      const requests = tenants.map((tenant) => questionOf(fleet, tenant, 'page'));
      // Twice: the second answer is one of a tenant whose limits are known.
      for (const round of [requests, requests]) {
        const seen = await visit(port, round, AT_ONCE, signal);
        for (const [code, count] of Object.entries(seen.errors))
          errors[code] = (errors[code] ?? 0) + count;
      }
      await delay(1000);
      return servers.memory();
    };
    progress.say('memory: shared tenants');
    const practised = await servers.memory();
    const shared = of('shared').slice(PRACTISING * 2);
    const afterShared = await visitAll(shared);
    note('warm, shared', shared.length, practised, afterShared);

    progress.say('memory: dedicated tenants');
    const strangers = of('dedicated').slice(practising);
    const active = strangers.slice(0, Math.floor(options.budget / 2));
    const afterActive = await visitAll(active);
    note('active, dedicated (pool and connection)', active.length, afterShared, afterActive);
    await visitAll(strangers.slice(active.length));
    progress.say('memory: waiting until idle connections are closed');
    await delay(UNTIL_CLOSED_MS);
    const afterAll = await servers.memory();
    note('warm, dedicated (pool without connection)', strangers.length, afterShared, afterAll);
    return {
      rows,
      errors,
      idleMegabytes: idle.rss / 2 ** 20,
      busyMegabytes: afterAll.rss / 2 ** 20,
    };
  } finally {
    await servers.stop();
  }
}
