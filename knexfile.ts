/**
 * For the ordinary Knex command line: `npx knex --env registry migrate:status`,
 * `KNEX_URL=postgres://… npx knex --env tenant migrate:latest`. Both sets read the same migrations
 * as `cloister migrate`, which also finds every data source by itself, locks and grants.
 */
import type { Knex } from 'knex';
import type { ClientBase } from 'pg';
import { readConnectionForKnex } from './src/config';
import { parseConnectionUrl, toClientConfig } from './src/database/connection-url';
import { migratorConfig, SCHEMAS, type MigrationSet } from './src/database/migration-source';

type Connected = (error: Error | null, client: ClientBase) => void;

/** Knex makes the table of its record, but not the schema that the table is in. */
const makeSchema = (schema: string) => (client: ClientBase, done: Connected) => {
  client
    .query<{ missing: boolean }>('select to_regnamespace($1) is null as missing', [schema])
    .then(({ rows }) =>
      rows[0]?.missing === true ? client.query(`create schema ${schema}`) : undefined,
    )
    .then(
      () => done(null, client),
      (error: Error) => done(error, client),
    );
};

const environment = (set: MigrationSet): Knex.Config => ({
  client: 'pg',
  connection: () =>
    toClientConfig(parseConnectionUrl(readConnectionForKnex(set))) as Knex.PgConnectionConfig,
  pool: { min: 0, max: 1, afterCreate: makeSchema(SCHEMAS[set]) },
  migrations: migratorConfig(set),
});

const config: Record<MigrationSet, Knex.Config> = {
  registry: environment('registry'),
  tenant: environment('tenant'),
};

export default config;
