/**
 * Hears of changes to the registry (NOTIFY carries a table and an id, nothing else) and makes the
 * directory look again. Owns one connection of its own outside the pools; after a reconnect
 * everything is looked at again, for what was announced meanwhile is lost.
 */
import pg from 'pg';
import { SECOND } from '../lib/duration';
import { toClientConfig, type ConnectionSettings } from '../database/connection-url';
import type { Directory } from './directory';

export interface RegistryListener {
  readonly connected: () => boolean;
  close(): Promise<void>;
}

const MIN_RETRY_MS = SECOND / 4;
const MAX_RETRY_MS = 10 * SECOND;

export function startRegistryListener(
  connection: ConnectionSettings,
  directory: Pick<Directory, 'invalidate' | 'invalidateAll'>,
): RegistryListener {
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  let connected = false;
  let retryMs = MIN_RETRY_MS;

  const listen = async (): Promise<void> => {
    const next = new pg.Client({
      ...toClientConfig(connection),
      application_name: 'cloister-listener',
      keepAlive: true,
    });
    client = next;
    next.on('error', () => undefined); // 'end' follows and reconnects
    next.on('end', () => {
      connected = false;
      retry();
    });
    next.on('notification', ({ payload = '' }) => {
      const [table = '', id = ''] = payload.split(':');
      if (table === 'tenants' || table === 'data_sources') directory.invalidate(table, id);
    });
    await next.connect();
    await next.query('listen registry_changed');
    connected = true;
    retryMs = MIN_RETRY_MS;
    directory.invalidateAll();
  };

  const retry = (): void => {
    if (closed || timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      listen().catch(retry);
    }, retryMs);
    timer.unref();
    retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
  };

  listen().catch(retry);
  return {
    connected: () => connected,
    async close() {
      closed = true;
      clearTimeout(timer);
      // A connection that never came up has nothing to end.
      await client?.end().catch(() => undefined);
    },
  };
}
