/** The tenancy of one process put together: registry, directory, pools, sessions. */
import knex, { type Knex } from 'knex';
import { LRUCache } from 'lru-cache';
import type { Config } from '../config';
import { tenantUnavailable } from '../errors';
import { parseConnectionUrl, toClientConfig } from '../database/connection-url';
import { runStatement } from '../database/run-statement';
import { assertDataSourceIsSafe } from './data-source-check';
import { createDirectory, type DataSource, type Directory } from './directory';
import { createPoolManager, type Lease, type PoolManager } from './pools';
import { startRegistryListener, type RegistryListener } from './registry-listener';
import { createRegistryStore, type RegistryStore, type TenantRow } from './registry.store';
import { createSession, type SessionOptions } from './session';
import type { OperationSession } from './session.port';
import { parseKeyring, type Keyring } from './secrets/keyring';

export interface Tenancy {
  readonly registry: RegistryStore;
  readonly registryDb: Knex;
  readonly keyring: Keyring;
  readonly directory: Directory;
  readonly pools: PoolManager;
  readonly listener: RegistryListener | undefined;
  /** Nothing is connected until the first statement. */
  openSession(tenant: TenantRow): OperationSession;
  close(): Promise<void>;
}

export interface TenancyOptions extends Pick<SessionOptions, 'onStatement'> {
  /** Off for one-shot commands, which do not live long enough to hear of a change. */
  readonly listen?: boolean;
}

export function createTenancy(config: Config, { onStatement, listen = true }: TenancyOptions = {}): Tenancy {
  const registryConnection = parseConnectionUrl(config.registry.url);
  const keyring = parseKeyring(config.registry.keys);
  const registryDb = knex({
    client: 'pg',
    connection: {
      ...(toClientConfig(registryConnection) as Knex.PgConnectionConfig),
      connectionTimeoutMillis: config.pools.connectTimeoutMs,
      statement_timeout: config.pools.statementTimeoutMs,
      application_name: 'cloister-registry',
    },
    pool: { min: 0, max: config.registry.poolMax },
    acquireConnectionTimeout: config.pools.leaseTimeoutMs,
    // Failures are thrown to the caller, who reports them without an address.
    log: { warn: () => undefined, error: () => undefined },
  });
  const registry = createRegistryStore(registryDb);
  const directory = createDirectory(registry, keyring, { ttlMs: config.registry.directoryTtlMs });
  const pools = createPoolManager({
    ...config.pools,
    verify: (client) => assertDataSourceIsSafe(client),
  });
  const listener = listen ? startRegistryListener(registryConnection, directory) : undefined;
  const assertTenantLivesThere = createTenantCheck(pools, config.pools.statementTimeoutMs);

  return {
    registry,
    registryDb,
    keyring,
    directory,
    pools,
    listener,
    openSession(tenant) {
      const ids = { tenantId: tenant.id, localTenantId: tenant.tenantIdInDataSource };
      const resolveTarget = async () => {
        const dataSource = await directory.getDataSource(tenant);
        await assertTenantLivesThere(tenant, dataSource);
        return { ...ids, dataSource };
      };
      return createSession(pools, resolveTarget, ids, {
        statementTimeoutMs: config.pools.statementTimeoutMs,
        ...(onStatement === undefined ? {} : { onStatement }),
      });
    },
    async close() {
      await listener?.close();
      await pools.close();
      await registryDb.destroy();
    },
  };
}

/**
 * Whether the data source holds the tenant the registry says it does: asked once for each tenant and
 * revision of its data source, before its first statement. A wrong assignment would otherwise look
 * like an empty tenant.
 */
function createTenantCheck(pools: PoolManager, statementTimeoutMs: number) {
  const passed = new LRUCache<string, true>({ max: 100_000 });
  return async (tenant: TenantRow, dataSource: DataSource): Promise<void> => {
    const key = `${tenant.id} ${tenant.tenantIdInDataSource} ${dataSource.id} ${dataSource.revision}`;
    if (passed.has(key)) return;
    const lease: Lease = await pools.lease(dataSource);
    let found: unknown[];
    try {
      found = await runStatement(
        lease.client,
        {
          text: 'select 1 from cloister.tenants where tenant_id = $1',
          values: [tenant.tenantIdInDataSource],
        },
        {
          localTenantId: tenant.tenantIdInDataSource,
          statementTimeoutMs,
          namedStatements: dataSource.namedStatements,
        },
      );
    } catch (error) {
      lease.release({ broken: true });
      throw tenantUnavailable('DATA_SOURCE_UNREACHABLE', error);
    }
    lease.release();
    if (found.length === 0) throw tenantUnavailable('TENANT_ID_MISMATCH');
    passed.set(key, true);
  };
}
