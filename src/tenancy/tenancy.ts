/** The tenancy of one process put together: registry, directory, pools, sessions. */
import type { Knex } from 'knex';
import type { Config } from '../config';
import { SECOND } from '../lib/duration';
import { parseConnectionUrl } from '../database/connection-url';
import { assertDataSourceIsSafe } from './data-source-check';
import { createDirectory, type Directory } from './directory';
import { createLastAccessed, type LastAccessedOptions } from './last-accessed';
import { createPoolManager, type PoolManager } from './pools';
import { createRegistryDatabase } from './registry-database';
import { startRegistryListener, type RegistryListener } from './registry-listener';
import { createRegistryStore, type RegistryStore, type TenantRow } from './registry.store';
import { createSession, type SessionOptions } from './session';
import type { OperationSession } from './session.port';
import { parseKeyring, type Keyring } from './secrets/keyring';
import { createTenantCheck } from './tenant-check';

export interface Tenancy {
  readonly registry: RegistryStore;
  readonly registryDb: Knex;
  readonly keyring: Keyring;
  readonly directory: Directory;
  readonly pools: PoolManager;
  readonly listener: RegistryListener | undefined;
  /** Nothing is connected until the first statement. */
  openSession(tenant: TenantRow): OperationSession;
  /** Requests must be over: their sessions hold connections that are waited for. */
  close(): Promise<void>;
}

export interface TenancyOptions extends Pick<SessionOptions, 'onStatement' | 'onAnswer'> {
  /** Off for one-shot commands, which do not live long enough to hear of a change. */
  readonly listen?: boolean;
  readonly lastAccessed?: LastAccessedOptions;
}

/** How long the directory is believed while changes to the registry are not heard of. */
const UNHEARD_TTL_MS = 4 * SECOND;

export function createTenancy(config: Config, options: TenancyOptions = {}): Tenancy {
  const { onStatement, onAnswer, listen = true } = options;
  const { statementTimeoutMs } = config.pools;
  const { directoryTtlMs } = config.registry;
  const registryConnection = parseConnectionUrl(config.registry.url);
  const keyring = parseKeyring(config.registry.keys);
  const registryDb = createRegistryDatabase(registryConnection, config);
  const registry = createRegistryStore(registryDb);
  const directory = createDirectory(registry, keyring, {
    ttlMs: () =>
      listener?.connected() === false ? Math.min(UNHEARD_TTL_MS, directoryTtlMs) : directoryTtlMs,
  });
  const pools = createPoolManager({
    ...config.pools,
    verify: (client) => assertDataSourceIsSafe(client),
  });
  const listener = listen
    ? startRegistryListener(registryConnection, directory, {
        evictPools: (dataSourceId) => void pools.evict(dataSourceId),
      })
    : undefined;
  const lastAccessed = createLastAccessed(registry, options.lastAccessed);
  const assertTenantLivesThere = createTenantCheck(pools, statementTimeoutMs);

  return {
    registry,
    registryDb,
    keyring,
    directory,
    pools,
    listener,
    openSession(tenant) {
      lastAccessed.note(tenant.id);
      const ids = { tenantId: tenant.id, localTenantId: tenant.tenantIdInDataSource };
      const resolveTarget = async () => {
        const target = { ...ids, dataSource: await directory.getDataSource(tenant) };
        await assertTenantLivesThere(target);
        return target;
      };
      return createSession(pools, resolveTarget, ids, {
        statementTimeoutMs,
        ...(onStatement === undefined ? {} : { onStatement }),
        ...(onAnswer === undefined ? {} : { onAnswer }),
      });
    },
    async close() {
      await listener?.close();
      await pools.close();
      await lastAccessed.close();
      await registryDb.destroy();
    },
  };
}
