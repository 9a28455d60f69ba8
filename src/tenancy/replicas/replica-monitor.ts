/**
 * How fresh the replicas of one data source are. Asks the primary for its position in the log and
 * then each replica how far it has replayed: a replica that has reached a position which the primary
 * had at some moment is as fresh as that moment. Clocks of servers are not compared, a primary on
 * which nothing happens makes no replica look stale, and one whose line was cut does look so.
 *
 * Looks once in a while, in the background, and only while somebody reads. Owns one timer.
 */
import { MINUTE, SECOND } from '../../lib/duration';
import { within } from '../../lib/within';
import type { DataSource } from '../directory';
import type { PoolManager } from '../pools';
import { parsePosition } from './wal-position';

export interface Freshness {
  /** Milliseconds on this process's clock; what was committed before it is there. */
  readonly freshAsOf: number;
  readonly replayed: bigint;
}

export interface ReplicaMonitor {
  /** What was found last; undefined: nothing yet, or it does not answer. Keeps the looks going. */
  look(replicaId: string): Freshness | undefined;
  close(): Promise<void>;
}

export interface ReplicaMonitorOptions {
  readonly pools: Pick<PoolManager, 'lease'>;
  readonly primary: DataSource;
  readonly replicas: readonly DataSource[];
  readonly maxLagMs: number;
  readonly now: () => number;
}

/** A bound on lag of 5 s is looked after each second. */
const LOOKS_PER_LAG = 5;
const MAX_INTERVAL_MS = SECOND;
const GO_ON_FOR_MS = MINUTE;
const ANSWER_WITHIN_MS = 2 * SECOND;

const PRIMARY_POSITION = 'select pg_current_wal_insert_lsn()::text as position';
/** Once promoted, a server is nobody's replica: it has a history of its own. */
const REPLAYED =
  'select case when pg_is_in_recovery() then pg_last_wal_replay_lsn()::text end as position';

export function createReplicaMonitor(options: ReplicaMonitorOptions): ReplicaMonitor {
  const { pools, primary, replicas, maxLagMs, now } = options;
  const intervalMs = Math.min(maxLagMs / LOOKS_PER_LAG, MAX_INTERVAL_MS);
  const found = new Map<string, Freshness>();
  /** Where the primary was, oldest first; a few more than a replica may lag behind. */
  const positions: { readonly at: number; readonly position: bigint }[] = [];
  let usedAt = -Infinity;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;
  let closed = false;

  async function positionOf(dataSource: DataSource, text: string): Promise<bigint | undefined> {
    const lease = await pools.lease(dataSource);
    try {
      const { rows } = await within(
        ANSWER_WITHIN_MS,
        lease.client.query<{ position: string | null }>(text),
      );
      lease.release();
      return parsePosition(rows[0]?.position ?? '');
    } catch (error) {
      lease.spoil();
      lease.release();
      throw error;
    }
  }

  async function lookAtAll(): Promise<void> {
    const at = now();
    const position = await positionOf(primary, PRIMARY_POSITION).catch(() => undefined);
    if (position !== undefined) {
      positions.push({ at, position });
      if (positions.length > LOOKS_PER_LAG * 4) positions.shift();
    }
    await Promise.all(
      replicas.map(async (replica) => {
        const replayed = await positionOf(replica, REPLAYED).catch(() => undefined);
        const reached = positions.findLast(
          (past) => replayed !== undefined && past.position <= replayed,
        );
        if (replayed === undefined || reached === undefined) found.delete(replica.id);
        else found.set(replica.id, { freshAsOf: reached.at, replayed });
      }),
    );
  }

  function lookSoon(): void {
    if (closed || looking !== undefined || timer !== undefined) return;
    looking = lookAtAll().finally(() => {
      looking = undefined;
      if (closed || now() - usedAt > GO_ON_FOR_MS) return;
      timer = setTimeout(() => {
        timer = undefined;
        lookSoon();
      }, intervalMs);
      timer.unref();
    });
  }

  return {
    look(replicaId) {
      usedAt = now();
      lookSoon();
      return found.get(replicaId);
    },
    async close() {
      closed = true;
      clearTimeout(timer);
      await looking;
    },
  };
}
