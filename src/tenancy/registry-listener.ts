/**
 * Hears of changes to the registry (NOTIFY carries a table and an id, nothing else) and makes the
 * directory look again. Owns one connection of its own outside the pools, and asks on it for a sign
 * of life, for silence is also what a dead connection sounds like; after a reconnect everything is
 * looked at again, since what was announced meanwhile is lost.
 */
import pg from 'pg';
import { SECOND } from '../lib/duration';
import { toClientConfig, type ConnectionSettings } from '../database/connection-url';
import { destroyConnection } from '../database/pg-internals';
import type { Directory } from './directory';

export interface RegistryListener {
  /** Whether changes are heard of; while they are not, the directory should look more often. */
  readonly connected: () => boolean;
  close(): Promise<void>;
}

export interface RegistryListenerOptions {
  readonly heartbeatMs?: number;
  readonly minRetryMs?: number;
  /** Called when pools are to be made anew: of one data source, or of all. */
  readonly evictPools?: (dataSourceId: string | undefined) => void;
  /** Called when a telephone number or a host name changed, or any may have. */
  readonly expireRoutes?: () => void;
  /** Called when a data key is to be looked at again, or all are. */
  readonly invalidateDataKeys?: (dataKeyId: string | undefined) => void;
}

const MAX_RETRY_MS = 5 * SECOND;
const ANSWER_WITHIN_MS = 2 * SECOND;

export function startRegistryListener(
  connection: ConnectionSettings,
  directory: Pick<Directory, 'invalidate' | 'invalidateAll'>,
  options: RegistryListenerOptions = {},
): RegistryListener {
  const { heartbeatMs = 2 * SECOND, minRetryMs = SECOND / 4, evictPools } = options;
  const { expireRoutes, invalidateDataKeys } = options;
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  let connected = false;
  let retryMs = minRetryMs;

  function listen(): void {
    const next = new pg.Client({
      ...toClientConfig(connection),
      application_name: 'cloister-listener',
      connectionTimeoutMillis: ANSWER_WITHIN_MS,
      query_timeout: ANSWER_WITHIN_MS,
    });
    client = next;
    // The connection's end, which follows whatever goes wrong, is where it is tried again.
    next.on('error', () => undefined);
    next.once('end', () => {
      connected = false;
      if (closed || client !== next) return;
      after(retryMs, listen);
      retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
    });
    next.on('notification', ({ payload = '' }) => {
      const [what = '', id = ''] = payload.split(':');
      if (what === 'tenants' || what === 'data_sources') directory.invalidate(what, id);
      if (what === 'phone_numbers' || what === 'hostnames') expireRoutes?.();
      if (what === 'data_keys') invalidateDataKeys?.(id);
      if (what === 'all') lookAgainAtAll();
      if (what === 'pools' || what === 'all') evictPools?.(what === 'all' ? undefined : id);
    });
    const subscribe = async (): Promise<void> => {
      await next.connect();
      await next.query('listen registry_changed');
      connected = true;
      retryMs = minRetryMs;
      lookAgainAtAll();
      after(heartbeatMs, () => heartbeat(next));
    };
    subscribe().catch(() => destroyConnection(next));
  }

  function lookAgainAtAll(): void {
    invalidateDataKeys?.(undefined);
    expireRoutes?.();
    directory.invalidateAll();
  }

  function heartbeat(current: pg.Client): void {
    current.query('select 1').then(
      () => {
        if (client === current && connected) after(heartbeatMs, () => heartbeat(current));
      },
      () => destroyConnection(current),
    );
  }

  function after(ms: number, work: () => void): void {
    clearTimeout(timer);
    if (closed) return;
    timer = setTimeout(work, ms);
    timer.unref();
  }

  listen();
  return {
    connected: () => connected,
    async close() {
      closed = true;
      clearTimeout(timer);
      const ending = client;
      if (ending === undefined) return;
      if (!connected) destroyConnection(ending);
      // A connection that never came up has nothing to end.
      await ending.end().catch(() => undefined);
    },
  };
}
