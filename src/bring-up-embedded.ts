/** After the embedded Postgres has started: its schemas, and the demo. Safe to repeat. */
import pg from 'pg';
import type { Config } from './config';
import { parseConnectionUrl, toClientConfig } from './database/connection-url';
import { migrateDatabase } from './database/migrate-database';
import { prepareDemo } from './demo';
import type { EmbeddedAccess } from './embedded/embedded-settings';

/** Held in the registry while it is being prepared, so that other commands can wait for the end. */
const PREPARATION_LOCK = 7_302_512;

export async function bringUpEmbedded(
  config: Config,
  { dataSources }: Pick<EmbeddedAccess, 'dataSources'>,
  say: (line: string) => void,
): Promise<void> {
  const owner = parseConnectionUrl(config.registry.migrationUrl);
  const appRole = parseConnectionUrl(config.registry.url).user;
  await withRegistryClient(config, async (client) => {
    await client.query('select pg_advisory_lock($1)', [PREPARATION_LOCK]);
    await migrateDatabase(owner, 'registry', { appRole });
    await prepareDemo(config, dataSources, say);
  });
}

/** Resolves once no other process is preparing the registry. */
export async function awaitPreparation(config: Config): Promise<void> {
  await withRegistryClient(config, async (client) => {
    await client.query('select pg_advisory_lock_shared($1)', [PREPARATION_LOCK]);
  });
}

/** The lock ends with the connection, however it ends. */
async function withRegistryClient(
  config: Config,
  work: (client: pg.Client) => Promise<void>,
): Promise<void> {
  const client = new pg.Client({
    ...toClientConfig(parseConnectionUrl(config.registry.url)),
    application_name: 'cloister-prepare',
  });
  // A connection that breaks fails the query that runs; without a listener it would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await work(client);
  } finally {
    await client.end();
  }
}
