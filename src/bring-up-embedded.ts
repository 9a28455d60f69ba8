/** After the embedded Postgres has started: its schemas, and the demo. Safe to repeat. */
import type { Config } from './config';
import { parseConnectionUrl } from './database/connection-url';
import { migrateDatabase } from './database/migrate-database';
import { prepareDemo } from './demo';
import type { EmbeddedAccess } from './embedded/embedded-settings';

export async function bringUpEmbedded(
  config: Config,
  { dataSources }: Pick<EmbeddedAccess, 'dataSources'>,
  say: (line: string) => void,
): Promise<void> {
  const appRole = parseConnectionUrl(config.registry.url).user;
  await migrateDatabase(parseConnectionUrl(config.registry.migrationUrl), 'registry', { appRole });
  await prepareDemo(config, dataSources, say);
}
