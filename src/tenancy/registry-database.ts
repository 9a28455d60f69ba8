import knex, { type Knex } from 'knex';
import { SECOND } from '../lib/duration';
import type { Config } from '../config';
import { toClientConfig, type ConnectionSettings } from '../database/connection-url';

/** Registry statements are small; one that takes longer is answered no more. */
const STATEMENT_TIMEOUT_MS = 2 * SECOND;
/** The same on our side, for a server that has fallen silent. */
const ANSWER_WITHIN_MS = 2.5 * SECOND;

/** Knex over the registry. Nothing is connected until the first statement; the caller destroys it. */
export function createRegistryDatabase(connection: ConnectionSettings, config: Config): Knex {
  return knex({
    client: 'pg',
    connection: {
      ...(toClientConfig(connection) as Knex.PgConnectionConfig),
      application_name: 'cloister-registry',
      connectionTimeoutMillis: config.pools.connectTimeoutMs,
      keepAlive: true,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      query_timeout: ANSWER_WITHIN_MS,
      // With it pg closes the connection on which an answer did not come, instead of using it again.
      pipeline: true,
    } as Knex.PgConnectionConfig,
    pool: { min: 0, max: config.registry.poolMax },
    acquireConnectionTimeout: config.pools.leaseTimeoutMs,
    // Failures are thrown to the caller, who reports them without an address.
    log: { warn: () => undefined, error: () => undefined },
  });
}
