/** What single commands take by variable, beside the configuration of the server. */
import { ConfigError } from './config-error';

/**
 * The connection URL for the Knex command line: KNEX_URL, or for the registry REGISTRY_MIGRATION_URL
 * and REGISTRY_URL.
 */
export function readConnectionForKnex(
  set: 'registry' | 'tenant',
  variables: NodeJS.ProcessEnv = process.env,
): string {
  const url =
    variables['KNEX_URL'] ??
    (set === 'registry'
      ? (variables['REGISTRY_MIGRATION_URL'] ?? variables['REGISTRY_URL'])
      : undefined);
  if (url === undefined || url === '') {
    throw new ConfigError([
      set === 'registry'
        ? 'KNEX_URL or REGISTRY_MIGRATION_URL: the registry to migrate, as its owner'
        : 'KNEX_URL: the tenant database to migrate, as its owner',
    ]);
  }
  return url;
}

/** Secrets that single commands take by variable, because arguments show in the list of processes. */
export function readCommandSecrets(variables: NodeJS.ProcessEnv = process.env): {
  readonly sourceUrl: string | undefined;
  readonly sourceMigrationUrl: string | undefined;
  /** Key of an older registry, whose sealed URLs are then taken as they stood there. */
  readonly legacyKey: string | undefined;
  readonly adminPassword: string | undefined;
  /** What a telephone number's provider signs its messages with. */
  readonly numberSecret: string | undefined;
  /** Of an administrator of a database server. */
  readonly serverUrl: string | undefined;
  readonly operatorPassword: string | undefined;
} {
  return {
    sourceUrl: variables['CLOISTER_SOURCE_URL'],
    sourceMigrationUrl: variables['CLOISTER_SOURCE_MIGRATION_URL'],
    legacyKey: variables['CLOISTER_LEGACY_KEY'],
    adminPassword: variables['CLOISTER_ADMIN_PASSWORD'],
    numberSecret: variables['CLOISTER_NUMBER_SECRET'],
    serverUrl: variables['CLOISTER_SERVER_URL'],
    operatorPassword: variables['CLOISTER_OPERATOR_PASSWORD'],
  };
}
