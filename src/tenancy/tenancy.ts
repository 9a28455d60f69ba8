/** The tenancy of one process put together: registry, directory, pools, sessions. */
import type { Knex } from 'knex';
import type { Config } from '../config';
import { SECOND } from '../lib/duration';
import type { Tracer } from '../lib/tracer';
import { createAddressGuard, type AddressGuard } from '../database/address-guard';
import { parseConnectionUrl } from '../database/connection-url';
import { assertDataSourceIsSafe } from './data-source-check';
import { createDirectory, type DataSource, type Directory } from './directory';
import { createLastAccessed, type LastAccessedOptions } from './last-accessed';
import { createPoolManager, type PoolManager } from './pools';
import { createRegistryDatabase } from './registry-database';
import { startRegistryListener, type RegistryListener } from './registry-listener';
import { createRegistryStore, type RegistryStore, type TenantRow } from './registry.store';
import { createSession, type SessionOptions, type SessionTarget } from './session';
import type { SessionReplicas } from './session-replicas';
import type { OperationSession } from './session.port';
import { createRegistryKeys, type RegistryKeys } from './secrets/registry-keys';
import type { SecretBox } from './secrets/secret-box';
import type { Author } from './transaction-scope';
import { findWhereItMoved } from './relocate';
import { createTxtResolver, type ResolveTxt } from './routes/domain-proof';
import { createRoutes, type Routes } from './routes/routes';
import { createRoutesStore } from './routes/routes.store';
import {
  createReadRouter,
  type Reader,
  type ReadRouter,
  type Written,
} from './replicas/read-router';
import { createReplicaStore } from './replicas/replica.store';
import { parsePosition, UNREACHABLE } from './replicas/wal-position';
import { tracedLoads, watchedLeases, type LeaseWatch } from './traced';
import { createTenantCheck } from './tenant-check';

export interface Tenancy {
  readonly registry: RegistryStore;
  readonly registryDb: Knex;
  /** Seals what belongs to a tenant or a data source, and opens it. */
  readonly secretBox: SecretBox;
  /** For those who rotate them. */
  readonly keys: RegistryKeys;
  /** Where data sources that customers bring may be. */
  readonly addressGuard: AddressGuard;
  readonly directory: Directory;
  /** Telephone numbers and host names. */
  readonly routes: Routes;
  /** Asks DNS for the proofs of host names. */
  readonly resolveTxt: ResolveTxt;
  readonly pools: PoolManager;
  readonly readRouter: ReadRouter;
  readonly listener: RegistryListener | undefined;
  /** Nothing is connected until the first statement. */
  openSession(tenant: TenantRow, author?: Author, consistency?: Consistency): OperationSession;
  /** Requests must be over: their sessions hold connections that are waited for. */
  close(): Promise<void>;
}

/** What a client has written elsewhere, and who is told of what it writes here. */
export interface Consistency {
  readonly written?: Written | 'unreadable' | undefined;
  /** Called after a write to a data source that has replicas. */
  readonly onWrite?: (written: Written) => void;
}

export interface TenancyOptions
  extends Pick<SessionOptions, 'onStatement' | 'onAnswer'>, Pick<LeaseWatch, 'onLease'> {
  /** Off for one-shot commands, which do not live long enough to hear of a change. */
  readonly listen?: boolean;
  readonly lastAccessed?: LastAccessedOptions;
  readonly tracer?: Tracer | undefined;
  readonly resolveTxt?: ResolveTxt;
}

/** How long the directory is believed while changes to the registry are not heard of. */
const UNHEARD_TTL_MS = 4 * SECOND;

export function createTenancy(config: Config, options: TenancyOptions = {}): Tenancy {
  const { onStatement = ignore, onAnswer = ignore, tracer, listen = true } = options;
  const { statementTimeoutMs } = config.pools;
  const { directoryTtlMs } = config.registry;
  const registryConnection = parseConnectionUrl(config.registry.url);
  const registryDb = createRegistryDatabase(registryConnection, config);
  const registry = createRegistryStore(registryDb);
  const ttlMs = (): number =>
    listener?.connected() === false ? Math.min(UNHEARD_TTL_MS, directoryTtlMs) : directoryTtlMs;
  const keys = createRegistryKeys(config, registryDb, ttlMs);
  const { secretBox } = keys;
  const addressGuard = createAddressGuard({ allowedNetworks: config.pools.byoAllowedNetworks });
  const directory = createDirectory(tracedLoads(registry, tracer), secretBox, {
    addressGuard,
    ttlMs,
  });
  const routes = createRoutes(createRoutesStore(registryDb), secretBox, { ttlMs });
  const pools = createPoolManager({
    ...config.pools,
    verify: async (client, dataSource) => {
      await assertDataSourceIsSafe(client, dataSource);
    },
  });
  const leases = watchedLeases(pools, { tracer, onLease: options.onLease });
  const readRouter = createReadRouter({
    store: createReplicaStore(registryDb),
    secretBox,
    addressGuard,
    pools,
    ...config.replicas,
  });
  const listener = listen
    ? startRegistryListener(registryConnection, directory, {
        expireRoutes: () => routes.expire(),
        invalidateDataKeys: (dataKeyId) => secretBox.invalidate(dataKeyId),
        evictPools: (dataSourceId) => void pools.evict(dataSourceId),
      })
    : undefined;
  const lastAccessed = createLastAccessed(registry, options.lastAccessed);
  const tenantCheck = createTenantCheck(pools, statementTimeoutMs);

  return {
    registry,
    registryDb,
    secretBox,
    keys,
    addressGuard,
    directory,
    routes,
    resolveTxt: options.resolveTxt ?? createTxtResolver(),
    pools,
    readRouter,
    listener,
    openSession(tenant, author, consistency) {
      lastAccessed.note(tenant.id);
      let current = tenant;
      const findTarget = async (): Promise<SessionTarget> => {
        const target = targetIn(await directory.getDataSource(current), current);
        await tenantCheck.assert(target);
        return target;
      };
      // Nearly always it is known, and nobody needs to wait.
      const resolveTarget = (): SessionTarget | Promise<SessionTarget> => {
        const dataSource = directory.knownDataSource(current);
        const target = dataSource && targetIn(dataSource, current);
        return target !== undefined && tenantCheck.passed(target) ? target : findTarget();
      };
      const ids = { tenantId: tenant.id, localTenantId: tenant.tenantIdInDataSource };
      return createSession(leases, resolveTarget, ids, {
        statementTimeoutMs,
        author,
        replicas: replicasFor(readRouter, tenant.id, author?.userId, consistency),
        relocate: async (attempt) => {
          current = await findWhereItMoved(directory, current, attempt);
        },
        onStatement,
        onAnswer,
      });
    },
    async close() {
      await listener?.close();
      await readRouter.close();
      await pools.close();
      await lastAccessed.close();
      keys.masterKeys.close();
      await registryDb.destroy();
    },
  };
}

const ignore = (): void => undefined;

const targetIn = (dataSource: DataSource, tenant: TenantRow): SessionTarget => ({
  tenantId: tenant.id,
  localTenantId: tenant.tenantIdInDataSource,
  dataSource,
});

function replicasFor(
  router: ReadRouter,
  tenantId: string,
  userId: string | undefined,
  { written, onWrite }: Consistency = {},
): SessionReplicas {
  const isUnreadable = written === 'unreadable';
  const reader: Reader = { tenantId, userId, written: isUnreadable ? undefined : written };
  return {
    choose: (primary) => (isUnreadable ? undefined : router.choose(primary, reader)),
    mustKnowWrites: (primary) => router.hasReplicas(primary),
    noteWrite(primary, text) {
      const position = text === undefined ? undefined : parsePosition(text);
      const last = { dataSourceId: primary.id, position: position ?? UNREACHABLE };
      router.noteWrite(reader, last);
      onWrite?.(last);
    },
  };
}
