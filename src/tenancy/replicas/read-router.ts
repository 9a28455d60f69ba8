/**
 * Decides where a read goes: to a replica in this process's own region that is fresh enough, else to
 * the primary. Who has written reads the primary until the replica has what was written: this process
 * remembers its readers, and others learn it from a token that the client hands on. A tenant that has
 * come to a data source (by a move, or because this process meets it for the first time) is read from
 * a replica only when that one is fresh as of then.
 *
 * Never waits: what is not known yet is found out in the background, and the read goes to the primary.
 */
import { LRUCache } from 'lru-cache';
import { MINUTE } from '../../lib/duration';
import type { DataSource } from '../directory';
import { parseDataSourceUrl } from '../data-source-url';
import type { PoolManager } from '../pools';
import type { SecretBox } from '../secrets/secret-box';
import type { AddressGuard } from '../../database/address-guard';
import { createReplicaMonitor, type ReplicaMonitor } from './replica-monitor';
import { openReplicaUrl, type ReplicaRow, type ReplicaStore } from './replica.store';

/** What a reader has written last, as far as known. */
export interface Written {
  readonly dataSourceId: string;
  readonly position: bigint;
}

export interface Reader {
  readonly tenantId: string;
  /** Who reads; without it the tenant as a whole is remembered. */
  readonly userId?: string | undefined;
  /** What the client says it has written. */
  readonly written?: Written | undefined;
}

export interface ReadRouter {
  /** @returns undefined: the primary. */
  choose(primary: DataSource, reader: Reader): DataSource | undefined;
  /** Whether a write there must be remembered: some replica, in whatever region, may be behind it. */
  hasReplicas(primary: DataSource): boolean;
  noteWrite(reader: Reader, written: Written): void;
  stats(): ReadRouterStats;
  close(): Promise<void>;
}

export interface ReadRouterStats {
  /** Reads sent to a replica, and those that would have been but for a reason. */
  readonly replica: number;
  readonly stale: number;
  readonly behindWrite: number;
}

export interface ReadRouterOptions {
  readonly store: Pick<ReplicaStore, 'listOf'>;
  readonly secretBox: Pick<SecretBox, 'open'>;
  readonly addressGuard: AddressGuard;
  readonly pools: Pick<PoolManager, 'lease'>;
  readonly region: string | undefined;
  readonly maxLagMs: number;
  readonly now?: () => number;
}

interface Known {
  readonly revision: number;
  readonly count: number;
  readonly nearby: readonly DataSource[];
  readonly monitor: ReplicaMonitor | undefined;
}

const MAX_READERS = 50_000;
const MAX_DATA_SOURCES = 10_000;

export function createReadRouter(options: ReadRouterOptions): ReadRouter {
  const { store, secretBox, addressGuard, pools, region, maxLagMs } = options;
  const now = options.now ?? (() => performance.now());
  const counters = { replica: 0, stale: 0, behindWrite: 0 };
  const closing = new Set<Promise<void>>();
  const closeMonitor = ({ monitor }: Known): void => {
    if (monitor === undefined) return;
    const closed = monitor.close().finally(() => closing.delete(closed));
    closing.add(closed);
  };
  const known = new LRUCache<string, Known>({ max: MAX_DATA_SOURCES, dispose: closeMonitor });
  const loading = new Map<string, Promise<void>>();
  // What was written longer ago is on every replica that is fresh enough to be read.
  const writers = new LRUCache<string, Written>({
    max: MAX_READERS,
    ttl: Math.max(MINUTE, 2 * maxLagMs),
  });
  const arrivals = new LRUCache<string, { readonly dataSourceId: string; readonly at: number }>({
    max: MAX_READERS,
  });
  let closed = false;

  /** Looked at again with each look at the data source, of which the registry announces changes. */
  function lookUp(primary: DataSource): Known | undefined {
    const current = known.get(primary.id);
    const isDue = current === undefined || current.revision < primary.revision;
    if (isDue && !loading.has(primary.id) && !closed) {
      const loaded = load(primary)
        .catch(() => undefined) // the registry is away: what was known goes on, or the primary
        .finally(() => loading.delete(primary.id));
      loading.set(primary.id, loaded);
    }
    return current;
  }

  async function load(primary: DataSource): Promise<void> {
    const rows = await store.listOf(primary.id);
    const mine = rows.filter((row) => row.region === region);
    const settled = await Promise.allSettled(mine.map((row) => toDataSource(primary, row)));
    // One that cannot be opened is not read from; the doctor of the sources says why.
    const nearby = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    if (closed) return;
    known.set(primary.id, {
      revision: primary.revision,
      count: rows.length,
      nearby,
      monitor:
        nearby.length === 0
          ? undefined
          : createReplicaMonitor({ pools, primary, replicas: nearby, maxLagMs, now }),
    });
  }

  async function toDataSource(primary: DataSource, row: ReplicaRow): Promise<DataSource> {
    const url = await openReplicaUrl(secretBox, row);
    return {
      ...primary,
      id: row.id,
      name: row.name,
      region: row.region,
      connection: parseDataSourceUrl(url, primary.placement, addressGuard),
      poolMin: 0,
      poolMax: row.poolMax,
    };
  }

  function arrivalOf(tenantId: string, dataSourceId: string): number {
    const arrival = arrivals.get(tenantId);
    if (arrival?.dataSourceId === dataSourceId) return arrival.at;
    const at = now();
    arrivals.set(tenantId, { dataSourceId, at });
    return at;
  }

  return {
    choose(primary, reader) {
      if (region === undefined || primary.sessionStyle !== 'direct') return undefined;
      const there = lookUp(primary);
      const arrivedAt = arrivalOf(reader.tenantId, primary.id);
      if (there?.monitor === undefined) return undefined;
      const written = [writers.get(keyOf(reader)), reader.written]
        .filter((one) => one?.dataSourceId === primary.id)
        .reduce(
          (most, one) => (one !== undefined && one.position > most ? one.position : most),
          0n,
        );
      let reason: 'stale' | 'behindWrite' = 'stale';
      let best: { readonly replica: DataSource; readonly freshAsOf: number } | undefined;
      for (const replica of there.nearby) {
        const freshness = there.monitor.look(replica.id);
        if (freshness === undefined) continue;
        const { freshAsOf, replayed } = freshness;
        if (now() - freshAsOf > maxLagMs || freshAsOf < arrivedAt) continue;
        if (replayed < written) reason = 'behindWrite';
        else if (best === undefined || freshAsOf > best.freshAsOf) best = { replica, freshAsOf };
      }
      counters[best === undefined ? reason : 'replica'] += 1;
      return best?.replica;
    },
    // Before that is known a write is remembered in case: to ask costs it no wait.
    hasReplicas: (primary) =>
      primary.sessionStyle === 'direct' && (lookUp(primary)?.count ?? 1) > 0,
    noteWrite(reader, written) {
      writers.set(keyOf(reader), written);
    },
    stats: () => ({ ...counters }),
    async close() {
      closed = true;
      await Promise.all(loading.values());
      known.clear();
      await Promise.all(closing);
    },
  };
}

const keyOf = ({ tenantId, userId = '' }: Reader): string => `${tenantId} ${userId}`;
