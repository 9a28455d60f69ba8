/**
 * Notes which tenants are used, for `tenants.last_accessed_at`: never on a request's path, all that
 * came together in one statement, and each tenant once in a while only. While the registry is down
 * the note is kept for the next time. Owns one timer; `close()` writes what is left.
 */
import { LRUCache } from 'lru-cache';
import { MINUTE, SECOND } from '../lib/duration';
import type { RegistryStore } from './registry.store';

export interface LastAccessed {
  note(tenantId: string): void;
  close(): Promise<void>;
}

export interface LastAccessedOptions {
  readonly writeEveryMs?: number;
  /** How exact the time is: a tenant is noted once in so long. */
  readonly precisionMs?: number;
}

const MAX_TENANTS = 100_000;

export function createLastAccessed(
  store: Pick<RegistryStore, 'touchTenants'>,
  { writeEveryMs = 30 * SECOND, precisionMs = 5 * MINUTE }: LastAccessedOptions = {},
): LastAccessed {
  const notedAt = new LRUCache<string, number>({ max: MAX_TENANTS });
  const pending = new Set<string>();
  let writing: Promise<void> | undefined;

  const write = async (): Promise<void> => {
    // In order, so that two processes that write the same rows do not wait for each other.
    const ids = [...pending].sort();
    if (ids.length === 0) return;
    pending.clear();
    try {
      await store.touchTenants(ids);
    } catch {
      // Not worth a word: the next write has them again.
      for (const id of ids) pending.add(id);
    }
  };
  const writeOnce = (): Promise<void> => {
    writing ??= write().finally(() => {
      writing = undefined;
    });
    return writing;
  };

  const timer = setInterval(() => void writeOnce(), writeEveryMs);
  timer.unref();

  return {
    note(tenantId) {
      const now = Date.now();
      if (now - (notedAt.get(tenantId) ?? -Infinity) < precisionMs) return;
      notedAt.set(tenantId, now);
      pending.add(tenantId);
    },
    async close() {
      clearInterval(timer);
      await writing;
      await writeOnce();
    },
  };
}
