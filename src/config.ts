/**
 * The only reader of process.env. Everything is read once at boot, all faults are reported
 * together, and nothing secret has a default outside the embedded development mode.
 */
import { z } from 'zod';
import { resolve } from 'node:path';

const integer = (unit: string, min: number, max: number, fallback: number) =>
  z
    .string()
    .regex(/^\d+$/, `expected a whole number of ${unit}`)
    .transform(Number)
    .pipe(z.number().min(min, `expected at least ${min}`).max(max, `expected at most ${max}`))
    .default(fallback);

const flag = (fallback: boolean) =>
  z
    .enum(['true', 'false'], 'expected true or false')
    .transform((value) => value === 'true')
    .default(fallback);

const secret = z
  .string()
  .refine((value) => Buffer.byteLength(value) >= 32, 'expected a secret of at least 32 bytes');

/** The variables, in the order in which `.env.example` explains them. */
export const environmentSchema = z.object({
  NODE_ENV: z.enum(['development', 'production', 'test']).default('development'),
  CLOISTER_HOME: z.string().min(1).default('.cloister'),
  HOST: z.string().min(1).default('127.0.0.1'),
  PORT: integer('a TCP port', 0, 65_535, 4000),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),

  REGISTRY_URL: z.string().min(1).optional(),
  REGISTRY_MIGRATION_URL: z.string().min(1).optional(),
  REGISTRY_KEYS: z.string().min(1).optional(),
  REGISTRY_POOL_MAX: integer('connections', 1, 100, 5),

  AUTH_JWT_KEYS: z.string().min(1).optional(),
  AUTH_ISSUER: z.string().min(1).default('cloister'),
  AUTH_AUDIENCE: z.string().min(1).default('cloister-api'),
  AUTH_ACCESS_TOKEN_TTL_SECONDS: integer('seconds', 10, 3600, 900),
  AUTH_REFRESH_TOKEN_TTL_SECONDS: integer('seconds', 60, 31_536_000, 2_592_000),
  AUTH_SESSION_CHECK_SECONDS: integer('seconds', 0, 60, 4),
  EMAIL_INDEX_KEY: secret.optional(),
  CURSOR_KEY: secret.optional(),

  CONNECTION_BUDGET: integer('connections', 1, 10_000, 80),
  LEASE_QUEUE_LIMIT: integer('waiting requests', 1, 100_000, 1000),
  LEASE_TIMEOUT_MS: integer('milliseconds', 50, 60_000, 2500),
  CONNECT_TIMEOUT_MS: integer('milliseconds', 50, 60_000, 2000),
  STATEMENT_TIMEOUT_MS: integer('milliseconds', 10, 600_000, 4000),
  DIRECTORY_TTL_SECONDS: integer('seconds', 1, 86_400, 300),
  POOL_IDLE_TTL_SECONDS: integer('seconds', 1, 86_400, 3600),

  LIMIT_BODY_BYTES: integer('bytes', 1024, 10_485_760, 102_400),
  LIMIT_QUERY_CHARACTERS: integer('characters', 100, 1_000_000, 15_000),
  LIMIT_QUERY_TOKENS: integer('tokens', 10, 100_000, 1000),
  LIMIT_QUERY_DEPTH: integer('levels', 2, 100, 10),
  LIMIT_QUERY_ALIASES: integer('aliases', 1, 10_000, 15),
  LIMIT_QUERY_DIRECTIVES: integer('directives', 1, 10_000, 9),
  LIMIT_QUERY_COST: integer('cost points', 1, 100_000_000, 50_000),
  LIMIT_TENANT_COST_PER_MINUTE: integer('cost points', 1, 1_000_000_000, 2_500_000),
  CORS_ORIGINS: z.string().default(''),
  TRUST_PROXY: flag(false),
  SHUTDOWN_GRACE_MS: integer('milliseconds', 0, 600_000, 10_000),
  SHUTDOWN_DRAIN_DELAY_MS: integer('milliseconds', 0, 60_000, 1000),
});

export type Environment = z.infer<typeof environmentSchema>;

/** What no default exists for once REGISTRY_URL is given: the operator brings these. */
export const REQUIRED_WITH_REGISTRY = [
  'REGISTRY_KEYS',
  'AUTH_JWT_KEYS',
  'EMAIL_INDEX_KEY',
  'CURSOR_KEY',
] as const;

export interface Config {
  readonly mode: Environment['NODE_ENV'];
  readonly home: string;
  readonly http: {
    readonly host: string;
    readonly port: number;
    readonly bodyLimitBytes: number;
    readonly corsOrigins: readonly string[];
    readonly trustProxy: boolean;
    readonly shutdownGraceMs: number;
    readonly shutdownDrainDelayMs: number;
  };
  readonly logLevel: Environment['LOG_LEVEL'];
  readonly registry: {
    readonly url: string;
    readonly migrationUrl: string;
    /** `keyId:key[,keyId:key…]`, the first seals, all open; keys are 32 bytes in hex or base64. */
    readonly keys: string;
    readonly poolMax: number;
    readonly directoryTtlMs: number;
  };
  readonly auth: {
    /** `kid:secret[,kid:secret…]`, the first signs, all verify; secrets of at least 32 bytes. */
    readonly jwtKeys: string;
    readonly issuer: string;
    readonly audience: string;
    readonly accessTokenTtlSeconds: number;
    readonly refreshTokenTtlSeconds: number;
    readonly sessionCheckMs: number;
    readonly emailIndexKey: string;
  };
  readonly cursorKey: string;
  readonly pools: {
    readonly connectionBudget: number;
    readonly leaseQueueLimit: number;
    readonly leaseTimeoutMs: number;
    readonly connectTimeoutMs: number;
    readonly statementTimeoutMs: number;
    readonly idleTtlMs: number;
  };
  readonly limits: {
    readonly characters: number;
    readonly tokens: number;
    readonly depth: number;
    readonly aliases: number;
    readonly directives: number;
    readonly cost: number;
    /** What one tenant's expensive operations may cost together within a minute, per process. */
    readonly tenantCostPerMinute: number;
  };
}

/** Secrets and registry of the embedded development mode, made on first start and kept in CLOISTER_HOME. */
export type EmbeddedSettings = Pick<
  Record<keyof Environment, string>,
  | 'REGISTRY_URL'
  | 'REGISTRY_MIGRATION_URL'
  | 'REGISTRY_KEYS'
  | 'AUTH_JWT_KEYS'
  | 'EMAIL_INDEX_KEY'
  | 'CURSOR_KEY'
>;

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(readonly faults: readonly string[]) {
    super(
      `The configuration has ${faults.length} fault(s); mend them and start again:\n` +
        faults.map((fault) => `  - ${fault}`).join('\n') +
        '\n.env.example explains each variable.',
    );
  }
}

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
  if (given['REGISTRY_URL'] !== undefined) {
    for (const name of REQUIRED_WITH_REGISTRY) {
      if (given[name] === undefined) {
        faults.push(
          `${name}: required when REGISTRY_URL is set; \`cloister keys generate\` makes one`,
        );
      }
    }
  }
  if (faults.length > 0 || !parsed.success) throw new ConfigError(faults);
  return parsed.data;
}

const required = (value: string | undefined, name: string): string => {
  if (value === undefined) throw new ConfigError([`${name}: required`]);
  return value;
};

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
      shutdownGraceMs: e.SHUTDOWN_GRACE_MS,
      shutdownDrainDelayMs: e.SHUTDOWN_DRAIN_DELAY_MS,
    }),
    registry: Object.freeze({
      url: registryUrl,
      migrationUrl: pick('REGISTRY_MIGRATION_URL') ?? registryUrl,
      keys: required(pick('REGISTRY_KEYS'), 'REGISTRY_KEYS'),
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
    cursorKey: required(pick('CURSOR_KEY'), 'CURSOR_KEY'),
    pools: Object.freeze({
      connectionBudget: e.CONNECTION_BUDGET,
      leaseQueueLimit: e.LEASE_QUEUE_LIMIT,
      leaseTimeoutMs: e.LEASE_TIMEOUT_MS,
      connectTimeoutMs: e.CONNECT_TIMEOUT_MS,
      statementTimeoutMs: e.STATEMENT_TIMEOUT_MS,
      idleTtlMs: e.POOL_IDLE_TTL_SECONDS * 1000,
    }),
    limits: Object.freeze({
      characters: e.LIMIT_QUERY_CHARACTERS,
      tokens: e.LIMIT_QUERY_TOKENS,
      depth: e.LIMIT_QUERY_DEPTH,
      aliases: e.LIMIT_QUERY_ALIASES,
      directives: e.LIMIT_QUERY_DIRECTIVES,
      cost: e.LIMIT_QUERY_COST,
      tenantCostPerMinute: e.LIMIT_TENANT_COST_PER_MINUTE,
    }),
  });
}

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
} {
  return {
    sourceUrl: variables['CLOISTER_SOURCE_URL'],
    sourceMigrationUrl: variables['CLOISTER_SOURCE_MIGRATION_URL'],
    legacyKey: variables['CLOISTER_LEGACY_KEY'],
    adminPassword: variables['CLOISTER_ADMIN_PASSWORD'],
  };
}
