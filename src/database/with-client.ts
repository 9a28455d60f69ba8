/** A connection for one piece of work, outside all pools. */
import pg from 'pg';
import { within } from '../lib/within';
import { toClientConfig, type ConnectionSettings } from './connection-url';
import { destroyConnection, internalsOf } from './pg-internals';

const LOOK_EVERY_MS = 20;

export interface ClientOptions {
  readonly applicationName: string;
  /** Bounds connecting and the work together; without it only the server's own limits hold. */
  readonly withinMs?: number;
  /** Cuts the connection of a server that sends more: for servers whose good will is not known. */
  readonly maxReplyBytes?: number;
}

/**
 * Connects, does the work and disconnects, whatever happens.
 * @throws what pg and the work throw; an ETIMEDOUT when `withinMs` has passed.
 */
export async function withClient<T>(
  settings: ConnectionSettings,
  { applicationName, withinMs, maxReplyBytes }: ClientOptions,
  work: (client: pg.Client, connectMs: number) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    ...toClientConfig(settings),
    application_name: applicationName,
    ...(withinMs === undefined ? {} : { connectionTimeoutMillis: withinMs }),
  });
  // A connection that breaks fails the query that runs; without a listener it would end the process.
  client.on('error', () => undefined);
  const watch = maxReplyBytes === undefined ? undefined : watchReply(client, maxReplyBytes);
  const run = async (): Promise<T> => {
    const startedAt = performance.now();
    await client.connect();
    return work(client, Math.round((performance.now() - startedAt) * 10) / 10);
  };
  try {
    const result = await (withinMs === undefined ? run() : within(withinMs, run()));
    await client.end();
    return result;
  } catch (error) {
    // Not end(), which waits for a server that may be silent.
    destroyConnection(client);
    throw error;
  } finally {
    clearInterval(watch);
  }
}

function watchReply(client: pg.Client, maxBytes: number): NodeJS.Timeout {
  return setInterval(() => {
    if (internalsOf(client).connection.stream.bytesRead > maxBytes) destroyConnection(client);
  }, LOOK_EVERY_MS);
}
