/** After the embedded Postgres has started: its schemas, and the demo. Safe to repeat. */
import type { Client } from 'pg';
import type { Config } from './config';
import { parseConnectionUrl } from './database/connection-url';
import { migrateDatabase } from './database/migrate-database';
import { withClient } from './database/with-client';
import { prepareDemo } from './demo';
import type { EmbeddedAccess } from './embedded/embedded-settings';
import { enrolServer } from './platform/database-servers';
import { prepareServers } from './platform/provisioning/prepare-servers';
import { createTenancy } from './tenancy/tenancy';

/** Held in the registry while it is being prepared, so that other commands can wait for the end. */
const PREPARATION_LOCK = 7_302_512;

export async function bringUpEmbedded(
  config: Config,
  { dataSources, serverUrl }: Pick<EmbeddedAccess, 'dataSources' | 'serverUrl'>,
  say: (line: string) => void,
): Promise<void> {
  const owner = parseConnectionUrl(config.registry.migrationUrl);
  const appRole = parseConnectionUrl(config.registry.url).user;
  await withRegistryClient(config, async (client) => {
    await client.query('select pg_advisory_lock($1)', [PREPARATION_LOCK]);
    await migrateDatabase(owner, 'registry', { appRole });
    // At once: neither has anything to do with the other.
    await Promise.all([
      prepareDemo(config, dataSources, say),
      enrolEmbeddedServer(config, serverUrl),
    ]);
  });
}

/** For tenants that register; what they were given follows when the server's port has changed. */
async function enrolEmbeddedServer(config: Config, adminUrl: string): Promise<void> {
  const tenancy = createTenancy(config, { listen: false });
  try {
    await enrolServer(tenancy, { name: 'embedded', adminUrl }, 'embedded');
    await prepareServers(tenancy);
  } finally {
    await tenancy.close();
  }
}

/** Resolves once no other process is preparing the registry. */
export async function awaitPreparation(config: Config): Promise<void> {
  await withRegistryClient(config, async (client) => {
    await client.query('select pg_advisory_lock_shared($1)', [PREPARATION_LOCK]);
  });
}

/** The lock ends with the connection, however it ends. */
const withRegistryClient = (
  config: Config,
  work: (client: Client) => Promise<void>,
): Promise<void> =>
  withClient(
    parseConnectionUrl(config.registry.url),
    { applicationName: 'cloister-prepare' },
    work,
  );
