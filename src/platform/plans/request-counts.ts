/**
 * Requests by tenant: within the minute for this process' share of the limit, within the day for all
 * processes together. Counting costs a look into a map; what was counted is added up in the registry
 * every few seconds, and never on a request's path. Days and minutes are UTC's.
 */
import { LRUCache } from 'lru-cache';
import { rateLimited } from '../../errors';
import { DAY, MINUTE, SECOND } from '../../lib/duration';
import type { Limits } from './plans.store';

export interface RequestStore {
  addRequests(day: string, counts: ReadonlyMap<string, number>): Promise<Map<string, number>>;
  countProcesses(): Promise<number>;
}

export interface RequestCounts {
  /** @throws RATE_LIMITED with the seconds to wait. What is refused is not counted. */
  take(tenantId: string, limits: Limits | undefined): void;
  /** Adds up; while the registry is down the counts are kept. */
  flush(): Promise<void>;
}

interface Count {
  readonly minute: number;
  readonly day: number;
  inMinute: number;
  /** Of all processes, as last heard. */
  heardToday: number;
  unflushed: number;
}

const MAX_TENANTS = 100_000;

export const dayOf = (time: number): string => new Date(time).toISOString().slice(0, 10);

export function createRequestCounts(
  store: RequestStore,
  now: () => number = Date.now,
): RequestCounts {
  const counts = new LRUCache<string, Count>({ max: MAX_TENANTS });
  /** To be added up, by day. */
  const leftOver = new Map<string, Map<string, number>>();
  let processes = 1;

  const leave = (day: string, tenantId: string, requests: number): void => {
    const ofDay = leftOver.get(day) ?? new Map<string, number>();
    leftOver.set(day, ofDay.set(tenantId, (ofDay.get(tenantId) ?? 0) + requests));
  };

  function countOf(tenantId: string): Count {
    const time = now();
    const minute = Math.floor(time / MINUTE);
    const day = Math.floor(time / DAY);
    const known = counts.get(tenantId);
    if (known?.minute === minute) return known;
    const sameDay = known?.day === day;
    if (known !== undefined && !sameDay) leave(dayOf(known.day * DAY), tenantId, known.unflushed);
    const count: Count = {
      minute,
      day,
      inMinute: 0,
      heardToday: sameDay ? known.heardToday : 0,
      unflushed: sameDay ? known.unflushed : 0,
    };
    counts.set(tenantId, count);
    return count;
  }

  const secondsToNext = (unitMs: number): number =>
    Math.max(1, Math.ceil((unitMs - (now() % unitMs)) / SECOND));

  return {
    take(tenantId, limits) {
      const count = countOf(tenantId);
      const perMinute = limits?.requestsPerMinute ?? null;
      if (perMinute !== null && count.inMinute >= Math.ceil(perMinute / processes)) {
        throw rateLimited(secondsToNext(MINUTE));
      }
      const perDay = limits?.requestsPerDay ?? null;
      if (perDay !== null && count.heardToday + count.unflushed >= perDay) {
        throw rateLimited(secondsToNext(DAY));
      }
      count.inMinute += 1;
      count.unflushed += 1;
    },
    async flush() {
      const today = Math.floor(now() / DAY);
      for (const [tenantId, count] of counts.entries()) {
        if (count.unflushed === 0) continue;
        leave(dayOf(count.day * DAY), tenantId, count.unflushed);
        count.heardToday += count.unflushed; // until the registry says what the others have
        count.unflushed = 0;
      }
      for (const [day, ofDay] of [...leftOver]) {
        leftOver.delete(day);
        try {
          const totals = await store.addRequests(day, ofDay);
          if (day !== dayOf(today * DAY)) continue;
          for (const [tenantId, total] of totals) {
            const count = counts.peek(tenantId);
            if (count?.day === today) count.heardToday = total;
          }
        } catch {
          // Not worth a word: the next time has them again.
          for (const [tenantId, requests] of ofDay) leave(day, tenantId, requests);
        }
      }
      processes = await store.countProcesses().catch(() => processes);
    },
  };
}
