/** The environment variables, their forms, units, ranges and defaults. */
import { z } from 'zod';

const wholeNumber = (unit: string, min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, `expected a whole number of ${unit}`)
    .transform(Number)
    .pipe(z.number().min(min, `expected at least ${min}`).max(max, `expected at most ${max}`));

const integer = (unit: string, min: number, max: number, fallback: number) =>
  wholeNumber(unit, min, max).default(fallback);

const flag = (fallback: boolean) =>
  z
    .enum(['true', 'false'], 'expected true or false')
    .transform((value) => value === 'true')
    .default(fallback);

const secret = z
  .string()
  .refine((value) => Buffer.byteLength(value) >= 32, 'expected a secret of at least 32 bytes');

const networks = z
  .string()
  .transform((list) => list.split(',').map((range) => range.trim()))
  .pipe(
    z.array(z.union([z.cidrv4(), z.cidrv6()], 'expected networks such as 10.0.0.0/8 or fd00::/8')),
  );

const list = z
  .string()
  .transform((text) => text.split(',').map((entry) => entry.trim()))
  .pipe(z.array(z.string().min(1, 'expected names, separated by commas')));

const hostname = z
  .string()
  .toLowerCase()
  .regex(
    /^[a-z0-9-]+(\.[a-z0-9-]+)*$/,
    'expected a host name such as crm.example.com, without a port',
  );

/** A key travels there: in clear only within the machine. */
const keyServiceUrl = z
  .url({ protocol: /^https?$/ })
  .refine(
    (url) => /^https:|^http:\/\/(localhost|127\.0\.0\.1|\[::1\])[:/]?/.test(url),
    'expected https, or http on the machine itself',
  )
  .transform((url) => url.replace(/\/+$/, ''));

const smtpUrl = z.url({ protocol: /^smtps?$/, error: 'expected smtp:// or smtps:// and a host' });

const publicUrl = z
  .url({ protocol: /^https?$/, error: 'expected http:// or https:// and a host' })
  .transform((url) => url.replace(/\/+$/, ''));

/** The variables, in the order in which `.env.example` explains them. */
export const environmentSchema = z.object({
  NODE_ENV: z.enum(['development', 'production', 'test']).default('development'),
  CLOISTER_HOME: z.string().min(1).default('.cloister'),
  HOST: z.string().min(1).default('127.0.0.1'),
  PORT: integer('a TCP port', 0, 65_535, 4000),
  PLATFORM_HOST: z.string().min(1).default('127.0.0.1'),
  PLATFORM_PORT: wholeNumber('a TCP port', 0, 65_535).optional(),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),

  REGISTRY_URL: z.string().min(1).optional(),
  REGISTRY_MIGRATION_URL: z.string().min(1).optional(),
  REGISTRY_KEYS: z.string().min(1).optional(),
  REGISTRY_KEY_PROVIDER: z.enum(['local', 'aws-kms', 'vault']).default('local'),
  REGISTRY_KEY_TIMEOUT_MS: integer('milliseconds', 100, 60_000, 2000),
  REGISTRY_DATA_KEY_TTL_SECONDS: integer('seconds', 1, 86_400, 3600),
  REGISTRY_KMS_KEYS: list.optional(),
  REGISTRY_KMS_REGION: z.string().min(1).optional(),
  REGISTRY_KMS_ENDPOINT: keyServiceUrl.optional(),
  REGISTRY_VAULT_ADDRESS: keyServiceUrl.optional(),
  REGISTRY_VAULT_KEYS: list.optional(),
  REGISTRY_VAULT_MOUNT: z.string().min(1).default('transit'),
  REGISTRY_VAULT_NAMESPACE: z.string().min(1).optional(),
  REGISTRY_VAULT_TOKEN: z.string().min(1).optional(),
  REGISTRY_VAULT_ROLE_ID: z.string().min(1).optional(),
  REGISTRY_VAULT_SECRET_ID: z.string().min(1).optional(),
  REGISTRY_POOL_MAX: integer('connections', 1, 100, 5),

  AUTH_JWT_KEYS: z.string().min(1).optional(),
  AUTH_ISSUER: z.string().min(1).default('cloister'),
  AUTH_AUDIENCE: z.string().min(1).default('cloister-api'),
  AUTH_ACCESS_TOKEN_TTL_SECONDS: integer('seconds', 10, 3600, 900),
  AUTH_REFRESH_TOKEN_TTL_SECONDS: integer('seconds', 60, 31_536_000, 2_592_000),
  AUTH_SESSION_CHECK_SECONDS: integer('seconds', 0, 60, 4),
  EMAIL_INDEX_KEY: secret.optional(),
  MAIL_SMTP_URL: smtpUrl.optional(),
  MAIL_FROM: z.string().min(3).default('cloister <no-reply@localhost>'),
  PUBLIC_URL: publicUrl.default('http://localhost:4000'),
  CURSOR_KEY: secret.optional(),

  CONNECTION_BUDGET: integer('connections', 1, 10_000, 80),
  LEASE_QUEUE_LIMIT: integer('waiting requests', 1, 100_000, 1000),
  LEASE_TIMEOUT_MS: integer('milliseconds', 50, 60_000, 2500),
  CONNECT_TIMEOUT_MS: integer('milliseconds', 50, 60_000, 2000),
  STATEMENT_TIMEOUT_MS: integer('milliseconds', 10, 600_000, 4000),
  DIRECTORY_TTL_SECONDS: integer('seconds', 1, 86_400, 300),
  POOL_IDLE_TTL_SECONDS: integer('seconds', 1, 86_400, 3600),
  BYO_ALLOWED_NETWORKS: networks.optional(),

  ADMISSION_AT_ONCE: integer('operations', 1, 10_000, 32),
  ADMISSION_QUEUE_LIMIT: integer('waiting operations', 1, 100_000, 1000),
  ADMISSION_TIMEOUT_MS: integer('milliseconds', 50, 60_000, 2500),

  LIMIT_BODY_BYTES: integer('bytes', 1024, 10_485_760, 102_400),
  LIMIT_QUERY_CHARACTERS: integer('characters', 100, 1_000_000, 15_000),
  LIMIT_QUERY_TOKENS: integer('tokens', 10, 100_000, 1000),
  LIMIT_QUERY_DEPTH: integer('levels', 2, 100, 10),
  LIMIT_QUERY_ALIASES: integer('aliases', 1, 10_000, 15),
  LIMIT_QUERY_DIRECTIVES: integer('directives', 1, 10_000, 9),
  LIMIT_QUERY_COST: integer('cost points', 1, 100_000_000, 50_000),
  LIMIT_TENANT_COST_PER_MINUTE: integer('cost points', 1, 1_000_000_000, 2_500_000),
  LIMIT_REGISTRATIONS_PER_HOUR: integer('registrations', 0, 1_000_000, 200),
  CORS_ORIGINS: z.string().default(''),
  TRUST_PROXY: flag(false),
  PUBLIC_DOMAIN: hostname.optional(),
  PUBLIC_HOSTS: list.pipe(z.array(hostname)).optional(),
  JOBS_CONCURRENCY: integer('jobs', 0, 1000, 4),
  JOBS_LEASE_SECONDS: integer('seconds', 4, 3600, 60),

  REGION: z.string().min(1).max(63).optional(),
  REPLICA_MAX_LAG_MS: integer('milliseconds', 100, 3_600_000, 5000),

  METRICS_TENANTS: integer('tenants', 0, 10_000, 100),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
  OTEL_EXPORTER_OTLP_HEADERS: z.string().min(1).optional(),
  OTEL_SERVICE_NAME: z.string().min(1).default('cloister'),
  OTEL_TRACES_SAMPLER_ARG: z
    .string()
    .regex(/^(0(\.\d+)?|1(\.0+)?)$/, 'expected a share from 0 to 1')
    .default('1')
    .transform(Number),

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
