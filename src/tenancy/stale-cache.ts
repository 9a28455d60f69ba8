/**
 * A bounded cache that outlives its source. An entry is fresh for a while; after that it is loaded
 * again, once for all who ask. While the source cannot be reached the old entry goes on being
 * served, at once: only one caller at a time finds out, in the background, whether it is back.
 */
import { LRUCache } from 'lru-cache';
import { SingleFlight } from '../lib/single-flight';
import type { Breaker } from './breaker';

export interface StaleCacheOptions {
  readonly ttlMs: () => number;
  readonly maxEntries: number;
  /** How long an entry may outlive its freshness while the source is down. */
  readonly staleForMs: number;
  /** Of the source; shared by all caches that stand before it. */
  readonly breaker: Breaker;
  /** Whether a failed load was the source's trouble, and not the entry's own. */
  readonly isSourceDown: (error: unknown) => boolean;
  /** Failures that are no trouble of the source, and that an old entry outlives all the same. */
  readonly isOutlived?: (error: unknown) => boolean;
  /** What is thrown for an unknown entry while the source is known to be down. */
  readonly sourceDown: () => Error;
  readonly now: () => number;
  readonly count: (event: 'hits' | 'misses' | 'staleServed') => void;
}

export interface StaleCache<T extends object> {
  /** What is fresh, without waiting for anything. */
  fresh(id: string): T | undefined;
  /** @param load is given what was known before, which it may find to hold still. */
  get(id: string, load: (known: T | undefined) => Promise<T | undefined>): Promise<T | undefined>;
  /** Known but due for a new look; kept, so that a source that is down is survived. */
  expire(id?: string): void;
  readonly size: () => number;
}

interface Entry<T> {
  readonly value: T;
  readonly loadedAt: number;
  readonly expired: boolean;
}

export function createStaleCache<T extends object>(options: StaleCacheOptions): StaleCache<T> {
  const { ttlMs, maxEntries, staleForMs, breaker, isSourceDown, now, count } = options;
  const entries = new LRUCache<string, Entry<T>>({ max: maxEntries });
  const flights = new SingleFlight<string, T | undefined>();

  const isFresh = (entry: Entry<T>): boolean => !entry.expired && now() - entry.loadedAt < ttlMs();
  const maySurvive = (entry: Entry<T> | undefined): entry is Entry<T> =>
    entry !== undefined && now() - entry.loadedAt < staleForMs;

  const reload = (
    id: string,
    load: (known: T | undefined) => Promise<T | undefined>,
  ): Promise<T | undefined> =>
    flights.run(id, async (isCurrent) => {
      try {
        const value = await load(entries.peek(id)?.value);
        breaker.succeed();
        if (isCurrent()) {
          if (value === undefined) entries.delete(id);
          else entries.set(id, { value, loadedAt: now(), expired: false });
        }
        return value;
      } catch (error) {
        if (isSourceDown(error)) breaker.trip();
        else breaker.succeed();
        throw error;
      }
    });

  const fresh = (entry: Entry<T> | undefined): T | undefined => {
    if (entry === undefined || !isFresh(entry)) return undefined;
    count('hits');
    return entry.value;
  };

  return {
    fresh: (id) => fresh(entries.get(id)),
    async get(id, load) {
      const entry = entries.get(id);
      const known = fresh(entry);
      if (known !== undefined) return known;
      count('misses');
      if (maySurvive(entry) && breaker.state !== 'closed') {
        count('staleServed');
        // Who probes need not wait for the outcome; it is kept in the breaker and in the entry.
        if (breaker.pass() === 'probe') void reload(id, load).catch(() => undefined);
        return entry.value;
      }
      if (breaker.pass() === 'refused') throw options.sourceDown();
      try {
        return await reload(id, load);
      } catch (error) {
        const outlived = isSourceDown(error) || options.isOutlived?.(error) === true;
        if (!outlived || !maySurvive(entry)) throw error;
        count('staleServed');
        return entry.value;
      }
    },
    expire(id) {
      for (const key of id === undefined ? [...entries.keys()] : [id]) {
        const entry = entries.peek(key);
        if (entry !== undefined) entries.set(key, { ...entry, expired: true });
      }
      if (id === undefined) flights.invalidateAll();
      else flights.invalidate(id);
    },
    size: () => entries.size,
  };
}
