/**
 * Finds a tenant and its data source, from a cache before the registry.
 *
 * Owns two bounded caches (tenants by id, data sources by id). An entry is fresh for `ttlMs`; after
 * that it is loaded again, once for all who ask, and while the registry cannot be reached the old
 * entry goes on being served (invariant 10). An invalidation drops the entry and detaches a load
 * under way, so that what was read before a change is never published after it.
 */
import { LRUCache } from 'lru-cache';
import { tenantUnavailable } from '../errors';
import { SingleFlight } from '../lib/single-flight';
import { HOUR } from '../lib/duration';
import { parseConnectionUrl, type ConnectionSettings } from '../database/connection-url';
import type { Keyring } from './secrets/keyring';
import { open } from './secrets/envelope';
import type { DataSourceRow, RegistryStore, TenantRow } from './registry.store';

/** A data source with its credentials opened. Never logged; `url…` columns are gone. */
export interface DataSource {
  readonly id: string;
  readonly name: string;
  readonly placement: DataSourceRow['placement'];
  readonly region: string;
  readonly connection: ConnectionSettings;
  readonly poolMin: number;
  readonly poolMax: number;
  readonly sessionStyle: DataSourceRow['sessionStyle'];
  readonly namedStatements: boolean;
  readonly schemaVersion: string | null;
  /** Changes whenever the row does: pools of an older revision are replaced. */
  readonly revision: string;
}

export interface Directory {
  /** @returns undefined when the registry knows no such tenant; @throws TENANT_UNAVAILABLE. */
  findTenant(id: string): Promise<TenantRow | undefined>;
  findTenantBySlug(slug: string): Promise<TenantRow | undefined>;
  /** @throws TENANT_UNAVAILABLE: NO_DATA_SOURCE, BAD_KEY or REGISTRY_UNREACHABLE. */
  getDataSource(tenant: TenantRow): Promise<DataSource>;
  invalidate(kind: 'tenants' | 'data_sources', id: string): void;
  invalidateAll(): void;
  stats(): DirectoryStats;
}

export interface DirectoryStats {
  readonly tenants: number;
  readonly dataSources: number;
  readonly hits: number;
  readonly misses: number;
  readonly staleServed: number;
  readonly unseals: number;
  readonly unsealMs: number;
}

interface Entry<T> {
  readonly value: T;
  readonly loadedAt: number;
}

export interface DirectoryOptions {
  readonly ttlMs: number;
  readonly maxEntries?: number;
  readonly now?: () => number;
}

/** How long a known entry may outlive its freshness while the registry is down. */
const STALE_FOR_MS = 24 * HOUR;

export function createDirectory(
  store: RegistryStore,
  keyring: Keyring,
  { ttlMs, maxEntries = 50_000, now = Date.now }: DirectoryOptions,
): Directory {
  const counters = { hits: 0, misses: 0, staleServed: 0, unseals: 0, unsealMs: 0 };
  const tenants = createStaleCache<TenantRow>();
  const dataSources = createStaleCache<DataSource>();
  /** Slugs never change hands within an entry's life; only the id they stand for is kept. */
  const idsBySlug = new LRUCache<string, string>({ max: maxEntries, ttl: ttlMs });

  function createStaleCache<T extends object>() {
    const entries = new LRUCache<string, Entry<T>>({ max: maxEntries });
    const flights = new SingleFlight<string, T | undefined>();
    const get = async (id: string, load: () => Promise<T | undefined>): Promise<T | undefined> => {
      const entry = entries.get(id);
      if (entry !== undefined && now() - entry.loadedAt < ttlMs) {
        counters.hits += 1;
        return entry.value;
      }
      counters.misses += 1;
      try {
        return await flights.run(id, async (isCurrent) => {
          const value = await load();
          if (isCurrent()) {
            if (value === undefined) entries.delete(id);
            else entries.set(id, { value, loadedAt: now() });
          }
          return value;
        });
      } catch (error) {
        if (entry !== undefined && now() - entry.loadedAt < STALE_FOR_MS && isRegistryTrouble(error)) {
          counters.staleServed += 1;
          return entry.value;
        }
        throw error;
      }
    };
    /** Known but due for a new look; kept, so that a registry that is down is survived. */
    const expire = (id?: string): void => {
      for (const key of id === undefined ? [...entries.keys()] : [id]) {
        const entry = entries.peek(key);
        if (entry !== undefined) entries.set(key, { ...entry, loadedAt: Math.min(entry.loadedAt, now() - ttlMs) });
      }
      if (id === undefined) flights.invalidateAll();
      else flights.invalidate(id);
    };
    return { get, expire, entries };
  }

  const fromRegistry = async <T>(load: () => Promise<T>): Promise<T> => {
    try {
      return await load();
    } catch (error) {
      throw tenantUnavailable('REGISTRY_UNREACHABLE', error);
    }
  };

  const openDataSource = (row: DataSourceRow): DataSource => {
    const startedAt = performance.now();
    let url: string;
    try {
      url = open(row.urlSealed, { rowId: row.id, column: 'url_sealed' }, keyring);
    } catch (error) {
      throw tenantUnavailable('BAD_KEY', error);
    } finally {
      counters.unseals += 1;
      counters.unsealMs += performance.now() - startedAt;
    }
    const { id, name, placement, region, poolMin, poolMax, sessionStyle, namedStatements, schemaVersion } = row;
    return {
      id,
      name,
      placement,
      region,
      connection: parseConnectionUrl(url),
      poolMin,
      poolMax,
      sessionStyle,
      namedStatements,
      schemaVersion,
      revision: row.updatedAt.toISOString(),
    };
  };

  const findTenant: Directory['findTenant'] = (id) =>
    tenants.get(id, () => fromRegistry(() => store.findTenant(id)));

  return {
    findTenant,
    async findTenantBySlug(slug) {
      const known = idsBySlug.get(slug);
      if (known !== undefined) {
        const tenant = await findTenant(known);
        if (tenant?.slug === slug) return tenant;
      }
      const row = await fromRegistry(() => store.findTenantBySlug(slug));
      if (row !== undefined) idsBySlug.set(slug, row.id);
      return row;
    },
    async getDataSource(tenant) {
      const id = tenant.dataSourceId;
      if (id === null) throw tenantUnavailable('NO_DATA_SOURCE');
      const dataSource = await dataSources.get(id, async () => {
        const row = await fromRegistry(() => store.findDataSource(id));
        return row === undefined ? undefined : openDataSource(row);
      });
      if (dataSource === undefined) throw tenantUnavailable('NO_DATA_SOURCE');
      return dataSource;
    },
    invalidate(kind, id) {
      (kind === 'tenants' ? tenants : dataSources).expire(id);
    },
    invalidateAll() {
      tenants.expire();
      dataSources.expire();
      idsBySlug.clear();
    },
    stats: () => ({ tenants: tenants.entries.size, dataSources: dataSources.entries.size, ...counters }),
  };
}

const isRegistryTrouble = (error: unknown): boolean =>
  (error as { details?: { reason?: unknown } }).details?.reason === 'REGISTRY_UNREACHABLE';
