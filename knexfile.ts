/**
 * For the ordinary Knex command line: `npx knex --env registry migrate:status`,
 * `KNEX_URL=postgres://… npx knex --env tenant migrate:latest`. Both sets read the same migrations
 * as `cloister migrate`, which also finds every data source by itself, locks and grants.
 */
import type { Knex } from 'knex';
import { readConnectionForKnex } from './src/config';
import { parseConnectionUrl, toClientConfig } from './src/database/connection-url';
import { migratorConfig, type MigrationSet } from './src/database/migration-source';

const environment = (set: MigrationSet): Knex.Config => ({
  client: 'pg',
  connection: () => toClientConfig(parseConnectionUrl(readConnectionForKnex(set))) as Knex.PgConnectionConfig,
  pool: { min: 0, max: 1 },
  migrations: migratorConfig(set),
});

const config: Record<MigrationSet, Knex.Config> = {
  registry: environment('registry'),
  tenant: environment('tenant'),
};

export default config;
