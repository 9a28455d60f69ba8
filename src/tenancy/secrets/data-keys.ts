/**
 * Data keys, opened. A key is opened once for all who ask, kept in memory for a bounded time, and
 * asked for again after that, so that taking our right to the master key away takes effect; while
 * the key service or the registry is out of reach, what is in memory goes on for a day. A key that
 * was refused is refused from memory for a few seconds, so that a broken secret does not send every
 * request to the key service.
 */
import { randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { uuidv7 } from 'uuidv7';
import { isAppError, tenantUnavailable } from '../../errors';
import { DAY, SECOND } from '../../lib/duration';
import { settleAll } from '../../lib/settle-all';
import { Breaker } from '../breaker';
import { createStaleCache } from '../stale-cache';
import type { DataKeyRow, DataKeyStore, KeyOwner } from './data-keys.store';
import { EnvelopeError } from './envelope';
import { KeyProviderError } from './key-provider';
import type { MasterKeys } from './master-keys';

export interface OpenedDataKey {
  readonly id: string;
  readonly owner: KeyOwner;
  readonly key: Buffer;
  readonly unwrappedAt: number;
}

export interface DataKeysStats {
  readonly inMemory: number;
  readonly hits: number;
  readonly misses: number;
  readonly staleServed: number;
  /** Asked of the key service, and how many of these it refused or did not answer. */
  readonly unwraps: number;
  readonly failedUnwraps: number;
  readonly unwrapMs: number;
}

export interface DataKeysOptions {
  /** How long an opened key is kept without asking the key service again. */
  readonly lifetimeMs: number;
  /** How long the registry's row is believed; asked each time. */
  readonly ttlMs?: () => number;
  readonly maxEntries?: number;
  readonly breaker?: Breaker;
  readonly now?: () => number;
}

const REFUSED_FOR_MS = 5 * SECOND;
/** Shorter than for databases: a single slow answer must not keep cold tenants out for long. */
const BREAKER_OPEN_MS = SECOND;
const DATA_KEY_BYTES = 32;
/** Of requests to the key service, while a rotation asks for many. */
const AT_ONCE = 16;

const SOURCE_DOWN = ['KEY_PROVIDER_UNREACHABLE', 'REGISTRY_UNREACHABLE'];
const isSourceDown = (error: unknown): boolean =>
  isAppError(error) && SOURCE_DOWN.includes(String(error.details['reason']));

export function createDataKeys(
  store: DataKeyStore,
  masterKeys: MasterKeys,
  options: DataKeysOptions,
) {
  const { lifetimeMs, maxEntries = 20_000, now = () => performance.now() } = options;
  const { ttlMs = () => lifetimeMs } = options;
  const counters = {
    hits: 0,
    misses: 0,
    staleServed: 0,
    unwraps: 0,
    failedUnwraps: 0,
    unwrapMs: 0,
  };
  let lastFailure: Error = tenantUnavailable('KEY_PROVIDER_UNREACHABLE');
  const refused = new LRUCache<string, Error>({
    max: 10_000,
    ttl: REFUSED_FOR_MS,
    perf: { now },
    ttlResolution: 0,
  });
  const cache = createStaleCache<OpenedDataKey>({
    ttlMs: () => Math.min(ttlMs(), lifetimeMs),
    maxEntries,
    staleForMs: DAY,
    breaker: options.breaker ?? new Breaker({ threshold: 1, openMs: BREAKER_OPEN_MS }),
    isSourceDown,
    sourceDown: () => lastFailure,
    now,
    count: (event) => {
      counters[event] += 1;
    },
  });

  const fromRegistry = async <T>(load: () => Promise<T>): Promise<T> => {
    try {
      return await load();
    } catch (error) {
      throw (lastFailure = tenantUnavailable('REGISTRY_UNREACHABLE', error));
    }
  };

  const askingProvider = async <T>(work: () => Promise<T>): Promise<T> => {
    const startedAt = performance.now();
    counters.unwraps += 1;
    try {
      return await work();
    } catch (error) {
      counters.failedUnwraps += 1;
      if (!(error instanceof KeyProviderError)) throw error;
      throw (lastFailure = tenantUnavailable('KEY_PROVIDER_UNREACHABLE', error));
    } finally {
      counters.unwrapMs += performance.now() - startedAt;
    }
  };

  async function load(
    id: string,
    known: OpenedDataKey | undefined,
  ): Promise<OpenedDataKey | undefined> {
    const row = await fromRegistry(() => store.find(id));
    if (row === undefined) return undefined;
    // Sealed anew or not, the key itself never changes.
    if (known !== undefined && now() - known.unwrappedAt < lifetimeMs) return known;
    return unwrap(row);
  }

  async function unwrap(row: DataKeyRow): Promise<OpenedDataKey> {
    const { id, ownerKind, ownerId } = row;
    try {
      const key = await askingProvider(() => masterKeys.unwrap(row, id));
      return { id, owner: { kind: ownerKind, id: ownerId }, key, unwrappedAt: now() };
    } catch (error) {
      if (error instanceof EnvelopeError) refused.set(id, error);
      throw error;
    }
  }

  /** @throws EnvelopeError when there is none or it does not open, TENANT_UNAVAILABLE. */
  async function get(id: string): Promise<OpenedDataKey> {
    const refusal = refused.get(id);
    if (refusal !== undefined) throw refusal;
    const found = await cache.get(id, (known) => load(id, known));
    if (found !== undefined) return found;
    throw new EnvelopeError('The data key that the value was sealed with is unknown or destroyed.');
  }

  /** A fresh key for an owner, not stored yet. */
  async function draft({ kind, id: ownerId }: KeyOwner): Promise<DataKeyRow> {
    const id = uuidv7();
    const key = randomBytes(DATA_KEY_BYTES);
    const wrapped = await askingProvider(() => masterKeys.wrap(key, id));
    return { id, ownerKind: kind, ownerId, status: 'active', ...wrapped };
  }

  const draftMany = (owners: readonly KeyOwner[]): Promise<DataKeyRow[]> =>
    inParallel(owners, draft);

  async function make(owner: KeyOwner): Promise<DataKeyRow> {
    const row = await draft(owner);
    await fromRegistry(() => store.insert([row]));
    // Where somebody else was faster, theirs is the owner's key.
    return (await fromRegistry(() => store.findActive(owner))) ?? make(owner);
  }

  async function openRows(rows: readonly DataKeyRow[]): Promise<Map<string, OpenedDataKey>> {
    const settled = await settleAll(rows, AT_ONCE, unwrap);
    // Those that do not open are missing: whoever needs one says so with the value's name.
    return new Map(
      settled.flatMap((result) =>
        result.status === 'fulfilled' ? [[result.value.id, result.value] as const] : [],
      ),
    );
  }

  return {
    get,
    /** The key that seals for an owner, made when there is none yet. Not cached: sealing is rare. */
    async getActive(owner: KeyOwner): Promise<OpenedDataKey> {
      const row = (await fromRegistry(() => store.findActive(owner))) ?? (await make(owner));
      return get(row.id);
    },
    /** Many at once and past the memory, for a rotation. Those that do not open are missing. */
    openMany: async (ids: readonly string[]): Promise<Map<string, OpenedDataKey>> =>
      openRows(await fromRegistry(() => store.findMany(ids))),
    /** By the owner's id; made where there is none. */
    async getActiveMany(
      kind: KeyOwner['kind'],
      ids: readonly string[],
    ): Promise<Map<string, OpenedDataKey>> {
      const find = () => fromRegistry(() => store.findActiveOf(kind, ids));
      const known = new Set((await find()).map(({ ownerId }) => ownerId));
      const without = ids.filter((id) => !known.has(id)).map((id) => ({ kind, id }));
      if (without.length > 0) await store.insert(await draftMany(without));
      const opened = await openRows(await find());
      return new Map([...opened.values()].map((key) => [key.owner.id, key]));
    },
    /** New keys in the place of these. @param within the transaction that it is to be part of. */
    async renew(
      rows: readonly DataKeyRow[],
      within: Pick<DataKeyStore, 'renew'> = store,
    ): Promise<void> {
      const fresh = await draftMany(
        rows.map(({ ownerKind, ownerId }) => ({ kind: ownerKind, id: ownerId })),
      );
      await within.renew(
        fresh,
        rows.map(({ id }) => id),
      );
    },
    findMasterKeyId: async (id: string): Promise<string | undefined> =>
      (await fromRegistry(() => store.find(id)))?.masterKeyId,
    async destroyOf(owner: KeyOwner): Promise<number> {
      const count = await fromRegistry(() => store.destroyOf(owner));
      // The other processes hear of it by NOTIFY.
      cache.expire();
      return count;
    },
    /** The row has changed, or may have: it is looked at before the key is used again. */
    invalidate(id?: string): void {
      if (id === undefined) refused.clear();
      else refused.delete(id);
      cache.expire(id);
    },
    stats: (): DataKeysStats => ({ inMemory: cache.size(), ...counters }),
  };
}

/** All or the first failure. */
async function inParallel<I, O>(items: readonly I[], work: (item: I) => Promise<O>): Promise<O[]> {
  const settled = await settleAll(items, AT_ONCE, work);
  return settled.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

export type DataKeys = ReturnType<typeof createDataKeys>;
