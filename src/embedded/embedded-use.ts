/**
 * Who else uses an embedded Postgres, so that a command which started it does not stop it under
 * another one. Users share an advisory lock of the registry's database for as long as they need the
 * server; its owner takes it alone before stopping. Kept by connections, so that nobody who has died
 * is waited for.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';

/** Any number, but the same in every process. */
const USE_LOCK = 7_246_002;
const POLL_MS = 200;

export interface EmbeddedUse {
  end(): Promise<void>;
}

/** Undefined when the server cannot be reached, or not yet, or not any more. */
export async function beginUse(registryUrl: string): Promise<EmbeddedUse | undefined> {
  const client = createClient(registryUrl);
  try {
    await client.connect();
    await client.query('select pg_advisory_lock_shared($1)', [USE_LOCK]);
    return { end: () => client.end() };
  } catch {
    // The caller looks again what has become of the server.
    await client.end().catch(() => undefined);
    return undefined;
  }
}

/** Resolves when nobody uses the server; until the use that it returns ends, nobody begins to. */
export async function awaitUnused(
  registryUrl: string,
  log: (line: string) => void,
): Promise<EmbeddedUse> {
  const client = createClient(registryUrl);
  await client.connect();
  for (let told = false; ; told = true) {
    const { rows } = await client.query<{ alone: boolean }>(
      'select pg_try_advisory_lock($1) as alone',
      [USE_LOCK],
    );
    if (rows[0]?.alone === true) return { end: () => client.end() };
    if (!told) log('Another command uses the embedded Postgres: waiting for it before stopping.');
    await delay(POLL_MS);
  }
}

function createClient(connectionString: string): Client {
  const client = new Client({ connectionString, application_name: 'cloister-use' });
  // The server may be stopped by its owner; whoever then uses it finds out by its own queries.
  client.on('error', () => undefined);
  return client;
}
