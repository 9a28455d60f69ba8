/**
 * Finds a tenant and its data source, from a cache before the registry. The caches outlive a registry
 * that is down (invariant 10). An invalidation makes an entry due and detaches a load under way, so
 * that what was read before a change is never published after it.
 */
import { isAppError, tenantUnavailable, type TenantUnavailableReason } from '../errors';
import { DAY } from '../lib/duration';
import type { AddressGuard } from '../database/address-guard';
import type { ConnectionSettings } from '../database/connection-url';
import { Breaker } from './breaker';
import { parseDataSourceUrl } from './data-source-url';
import type { DataSourceRow, RegistryStore, TenantRow } from './registry.store';
import { openUrl } from './secrets/data-source-urls';
import type { SecretBox } from './secrets/secret-box';
import { createStaleCache } from './stale-cache';

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
  /** Grows with each look at the row in this process: who holds a lower one holds an older row. */
  readonly revision: number;
}

export interface Directory {
  /** What `findTenant` and `getDataSource` would resolve to, where that is known and fresh. */
  knownTenant(id: string): TenantRow | undefined;
  knownDataSource(tenant: TenantRow): DataSource | undefined;
  /** @returns undefined when the registry knows no such tenant; @throws TENANT_UNAVAILABLE. */
  findTenant(id: string): Promise<TenantRow | undefined>;
  /** Not cached. */
  findTenantBySlug(slug: string): Promise<TenantRow | undefined>;
  /** @throws TENANT_UNAVAILABLE: NO_DATA_SOURCE, BAD_KEY, KEY_PROVIDER_UNREACHABLE, REGISTRY_UNREACHABLE. */
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

export interface DirectoryOptions {
  /** How long an entry is believed; asked each time, for it depends on whether changes are heard of. */
  readonly ttlMs: () => number;
  readonly maxEntries?: number;
  readonly breaker?: Breaker;
  /** Of data sources that customers bring; without it only public addresses will do. */
  readonly addressGuard?: AddressGuard;
  /** Milliseconds, never going back. */
  readonly now?: () => number;
}

export function createDirectory(
  store: Pick<RegistryStore, 'findTenant' | 'findTenantBySlug' | 'findDataSource'>,
  secretBox: Pick<SecretBox, 'open'>,
  options: DirectoryOptions,
): Directory {
  const { ttlMs, maxEntries = 50_000, now = () => performance.now() } = options;
  const counters = { hits: 0, misses: 0, staleServed: 0, unseals: 0, unsealMs: 0 };
  const cacheOptions = {
    ttlMs,
    maxEntries,
    staleForMs: DAY,
    // One failure is enough: what is cached can be served meanwhile.
    breaker: options.breaker ?? new Breaker({ threshold: 1 }),
    isSourceDown: isRegistryTrouble,
    isOutlived: isKeyProviderTrouble,
    sourceDown: () => tenantUnavailable('REGISTRY_UNREACHABLE'),
    now,
    count: (event: 'hits' | 'misses' | 'staleServed') => {
      counters[event] += 1;
    },
  };
  const tenants = createStaleCache<TenantRow>(cacheOptions);
  const dataSources = createStaleCache<DataSource>(cacheOptions);
  let looks = 0;

  const fromRegistry = async <T>(load: () => Promise<T>): Promise<T> => {
    try {
      return await load();
    } catch (error) {
      throw tenantUnavailable('REGISTRY_UNREACHABLE', error);
    }
  };

  const openConnection = async (row: DataSourceRow): Promise<ConnectionSettings> => {
    const startedAt = performance.now();
    try {
      const url = await openUrl(secretBox, row);
      return parseDataSourceUrl(url, row.placement, options.addressGuard);
    } catch (error) {
      throw isAppError(error) ? error : tenantUnavailable('BAD_KEY', error);
    } finally {
      counters.unseals += 1;
      counters.unsealMs += performance.now() - startedAt;
    }
  };

  const loadDataSource = async (id: string): Promise<DataSource | undefined> => {
    looks += 1;
    const revision = looks;
    const row = await fromRegistry(() => store.findDataSource(id));
    if (row === undefined) return undefined;
    const {
      name,
      placement,
      region,
      poolMin,
      poolMax,
      sessionStyle,
      namedStatements,
      schemaVersion,
    } = row;
    const settings = { poolMin, poolMax, sessionStyle, namedStatements };
    return {
      id,
      name,
      placement,
      region,
      ...settings,
      connection: await openConnection(row),
      schemaVersion,
      revision,
    };
  };

  return {
    knownTenant: (id) => tenants.fresh(id),
    knownDataSource: ({ dataSourceId: id }) => (id === null ? undefined : dataSources.fresh(id)),
    findTenant: (id) => tenants.get(id, () => fromRegistry(() => store.findTenant(id))),
    findTenantBySlug: (slug) => fromRegistry(() => store.findTenantBySlug(slug)),
    async getDataSource({ dataSourceId: id }) {
      const dataSource =
        id === null ? undefined : await dataSources.get(id, () => loadDataSource(id));
      if (dataSource === undefined) throw tenantUnavailable('NO_DATA_SOURCE');
      return dataSource;
    },
    invalidate(kind, id) {
      (kind === 'tenants' ? tenants : dataSources).expire(id);
    },
    invalidateAll() {
      tenants.expire();
      dataSources.expire();
    },
    stats: () => ({ tenants: tenants.size(), dataSources: dataSources.size(), ...counters }),
  };
}

const hasReason =
  (reason: TenantUnavailableReason) =>
  (error: unknown): boolean =>
    isAppError(error) && error.details['reason'] === reason;

const isRegistryTrouble = hasReason('REGISTRY_UNREACHABLE');
/** Of no meaning for tenants, and no reason to drop connections that are known. */
const isKeyProviderTrouble = hasReason('KEY_PROVIDER_UNREACHABLE');
