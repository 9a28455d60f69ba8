/**
 * The only reader of process.env. Everything is read once at boot, all faults are reported
 * together, and nothing secret has a default outside the embedded development mode.
 */
import { join, resolve } from 'node:path';
import { ConfigError } from './config/config-error';
import type { Config, EmbeddedSettings, MasterKeysConfig } from './config/config.types';
import {
  environmentSchema,
  REQUIRED_WITH_REGISTRY,
  type Environment,
} from './config/environment.schema';

export * from './config/command-environment';
export * from './config/config-error';
export * from './config/config.types';
export * from './config/environment.schema';

/**
 * Reads and checks the environment.
 * @throws ConfigError naming every fault at once; values are never repeated, for they may be secret.
 */
export function readEnvironment(variables: NodeJS.ProcessEnv = process.env): Environment {
  const given = Object.fromEntries(
    Object.keys(environmentSchema.shape)
      .map((name) => [name, variables[name]] as const)
      .filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = environmentSchema.safeParse(given);
  const faults = parsed.success
    ? []
    : parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  faults.push(...faultsOfKeyProviders(given));
  if (given['REGISTRY_URL'] !== undefined) {
    const elsewhere = !['local', undefined].includes(given['REGISTRY_KEY_PROVIDER']);
    for (const name of REQUIRED_WITH_REGISTRY) {
      if (given[name] === undefined && !(elsewhere && name === 'REGISTRY_KEYS')) {
        faults.push(
          `${name}: required when REGISTRY_URL is set; \`cloister keys generate\` makes one`,
        );
      }
    }
  }
  if (faults.length > 0 || !parsed.success) throw new ConfigError(faults);
  return parsed.data;
}

/** What belongs to a key provider is given whole or not at all. */
function faultsOfKeyProviders(given: Readonly<Record<string, string | undefined>>): string[] {
  const has = (name: string): boolean => given[`REGISTRY_${name}`] !== undefined;
  const provider = given['REGISTRY_KEY_PROVIDER'];
  const faults: string[] = [];
  if (provider === 'aws-kms' && !has('KMS_KEYS')) {
    faults.push('REGISTRY_KMS_KEYS: required when REGISTRY_KEY_PROVIDER is aws-kms');
  }
  if (provider !== 'vault' && !has('VAULT_KEYS')) return faults;
  for (const name of ['VAULT_KEYS', 'VAULT_ADDRESS']) {
    if (!has(name)) faults.push(`REGISTRY_${name}: required with Vault`);
  }
  if (has('VAULT_TOKEN') === (has('VAULT_ROLE_ID') && has('VAULT_SECRET_ID'))) {
    faults.push(
      'REGISTRY_VAULT_TOKEN: expected either this, or REGISTRY_VAULT_ROLE_ID and REGISTRY_VAULT_SECRET_ID',
    );
  }
  return faults;
}

function masterKeysOf(e: Environment): MasterKeysConfig {
  const { REGISTRY_VAULT_ADDRESS: address, REGISTRY_VAULT_KEYS: keyNames } = e;
  return Object.freeze({
    provider: e.REGISTRY_KEY_PROVIDER,
    timeoutMs: e.REGISTRY_KEY_TIMEOUT_MS,
    kms:
      e.REGISTRY_KMS_KEYS === undefined
        ? undefined
        : {
            keyIds: e.REGISTRY_KMS_KEYS,
            region: e.REGISTRY_KMS_REGION,
            endpoint: e.REGISTRY_KMS_ENDPOINT,
          },
    vault:
      address === undefined || keyNames === undefined
        ? undefined
        : {
            address,
            keyNames,
            namespace: e.REGISTRY_VAULT_NAMESPACE,
            mount: e.REGISTRY_VAULT_MOUNT,
            credentials:
              e.REGISTRY_VAULT_TOKEN === undefined
                ? {
                    roleId: e.REGISTRY_VAULT_ROLE_ID ?? '',
                    secretId: e.REGISTRY_VAULT_SECRET_ID ?? '',
                  }
                : { token: e.REGISTRY_VAULT_TOKEN },
          },
  });
}

const required = (value: string | undefined, name: string): string => {
  if (value === undefined) throw new ConfigError([`${name}: required`]);
  return value;
};

/** Where the demo's customer-owned database is. */
const LOOPBACK_NETWORKS = ['127.0.0.0/8', '::1/128'];

/** One frozen Config from the environment, filled up by the embedded mode's own settings if it runs. */
export function createConfig(environment: Environment, embedded?: EmbeddedSettings): Config {
  const pick = (name: keyof EmbeddedSettings) => environment[name] ?? embedded?.[name];
  const registryUrl = required(pick('REGISTRY_URL'), 'REGISTRY_URL');
  const e = environment;
  return Object.freeze<Config>({
    mode: e.NODE_ENV,
    home: resolve(e.CLOISTER_HOME),
    logLevel: e.LOG_LEVEL,
    http: Object.freeze({
      host: e.HOST,
      port: e.PORT,
      bodyLimitBytes: e.LIMIT_BODY_BYTES,
      corsOrigins: e.CORS_ORIGINS.split(',')
        .map((origin) => origin.trim())
        .filter((origin) => origin !== ''),
      trustProxy: e.TRUST_PROXY,
      publicDomain: e.PUBLIC_DOMAIN,
      publicHosts: Object.freeze([...(e.PUBLIC_HOSTS ?? [])]),
      shutdownGraceMs: e.SHUTDOWN_GRACE_MS,
      shutdownDrainDelayMs: e.SHUTDOWN_DRAIN_DELAY_MS,
    }),
    platform:
      e.PLATFORM_PORT === undefined
        ? undefined
        : Object.freeze({ host: e.PLATFORM_HOST, port: e.PLATFORM_PORT }),
    registry: Object.freeze({
      url: registryUrl,
      migrationUrl: pick('REGISTRY_MIGRATION_URL') ?? registryUrl,
      keys:
        e.REGISTRY_KEY_PROVIDER === 'local'
          ? required(pick('REGISTRY_KEYS'), 'REGISTRY_KEYS')
          : pick('REGISTRY_KEYS'),
      masterKeys: masterKeysOf(e),
      dataKeyTtlMs: e.REGISTRY_DATA_KEY_TTL_SECONDS * 1000,
      poolMax: e.REGISTRY_POOL_MAX,
      directoryTtlMs: e.DIRECTORY_TTL_SECONDS * 1000,
    }),
    auth: Object.freeze({
      jwtKeys: required(pick('AUTH_JWT_KEYS'), 'AUTH_JWT_KEYS'),
      issuer: e.AUTH_ISSUER,
      audience: e.AUTH_AUDIENCE,
      accessTokenTtlSeconds: e.AUTH_ACCESS_TOKEN_TTL_SECONDS,
      refreshTokenTtlSeconds: e.AUTH_REFRESH_TOKEN_TTL_SECONDS,
      sessionCheckMs: e.AUTH_SESSION_CHECK_SECONDS * 1000,
      emailIndexKey: required(pick('EMAIL_INDEX_KEY'), 'EMAIL_INDEX_KEY'),
    }),
    mail: Object.freeze({
      smtpUrl: e.MAIL_SMTP_URL,
      from: e.MAIL_FROM,
      folder: join(resolve(e.CLOISTER_HOME), 'mail'),
    }),
    publicUrl: e.PUBLIC_URL,
    cursorKey: required(pick('CURSOR_KEY'), 'CURSOR_KEY'),
    pools: Object.freeze({
      connectionBudget: e.CONNECTION_BUDGET,
      leaseQueueLimit: e.LEASE_QUEUE_LIMIT,
      leaseTimeoutMs: e.LEASE_TIMEOUT_MS,
      connectTimeoutMs: e.CONNECT_TIMEOUT_MS,
      statementTimeoutMs: e.STATEMENT_TIMEOUT_MS,
      idleTtlMs: e.POOL_IDLE_TTL_SECONDS * 1000,
      byoAllowedNetworks: Object.freeze([
        ...(e.BYO_ALLOWED_NETWORKS ?? []),
        ...(embedded === undefined ? [] : LOOPBACK_NETWORKS),
      ]),
    }),
    admission: Object.freeze({
      atOnceWhenBusy: e.ADMISSION_AT_ONCE,
      queueLimit: e.ADMISSION_QUEUE_LIMIT,
      timeoutMs: e.ADMISSION_TIMEOUT_MS,
    }),
    limits: Object.freeze({
      characters: e.LIMIT_QUERY_CHARACTERS,
      tokens: e.LIMIT_QUERY_TOKENS,
      depth: e.LIMIT_QUERY_DEPTH,
      aliases: e.LIMIT_QUERY_ALIASES,
      directives: e.LIMIT_QUERY_DIRECTIVES,
      cost: e.LIMIT_QUERY_COST,
      tenantCostPerMinute: e.LIMIT_TENANT_COST_PER_MINUTE,
      registrationsPerHour: e.LIMIT_REGISTRATIONS_PER_HOUR,
    }),
    jobs: Object.freeze({
      concurrency: e.JOBS_CONCURRENCY,
      leaseSeconds: e.JOBS_LEASE_SECONDS,
    }),
    replicas: Object.freeze({ region: e.REGION, maxLagMs: e.REPLICA_MAX_LAG_MS }),
    metricsTenants: e.METRICS_TENANTS,
    tracing:
      e.OTEL_EXPORTER_OTLP_ENDPOINT === undefined
        ? undefined
        : Object.freeze({
            endpoint: e.OTEL_EXPORTER_OTLP_ENDPOINT,
            headers: e.OTEL_EXPORTER_OTLP_HEADERS,
            serviceName: e.OTEL_SERVICE_NAME,
            sampledShare: e.OTEL_TRACES_SAMPLER_ARG,
          }),
  });
}
