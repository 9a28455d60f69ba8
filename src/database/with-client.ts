/** A connection for one piece of work, outside all pools. */
import pg from 'pg';
import { within } from '../lib/within';
import { toClientConfig, type ConnectionSettings } from './connection-url';

export interface ClientOptions {
  readonly applicationName: string;
  /** Bounds connecting and the work together; without it only the server's own limits hold. */
  readonly withinMs?: number;
}

/**
 * Connects, does the work and disconnects, whatever happens.
 * @throws what pg and the work throw; an ETIMEDOUT when `withinMs` has passed.
 */
export async function withClient<T>(
  settings: ConnectionSettings,
  { applicationName, withinMs }: ClientOptions,
  work: (client: pg.Client, connectMs: number) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    ...toClientConfig(settings),
    application_name: applicationName,
    ...(withinMs === undefined ? {} : { connectionTimeoutMillis: withinMs }),
  });
  // A connection that breaks fails the query that runs; without a listener it would end the process.
  client.on('error', () => undefined);
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
    (
      client as unknown as { connection: { stream: { destroy(): void } } }
    ).connection.stream.destroy();
    throw error;
  }
}
