/** The configuration as the rest of the house sees it: read once, frozen, with units in the names. */
import type { Environment } from './environment.schema';

export interface MasterKeysConfig {
  readonly provider: Environment['REGISTRY_KEY_PROVIDER'];
  readonly timeoutMs: number;
  readonly kms:
    | {
        readonly keyIds: readonly string[];
        readonly region: string | undefined;
        readonly endpoint: string | undefined;
      }
    | undefined;
  readonly vault:
    | {
        readonly address: string;
        readonly namespace: string | undefined;
        readonly mount: string;
        readonly keyNames: readonly string[];
        readonly credentials:
          { readonly token: string } | { readonly roleId: string; readonly secretId: string };
      }
    | undefined;
}

export interface TracingConfig {
  /** Base URL of an OTLP/HTTP receiver. */
  readonly endpoint: string;
  /** `name=value[,name=value…]`, values percent-encoded; may hold a credential. */
  readonly headers: string | undefined;
  readonly serviceName: string;
  /** Share of the traces that begin here which are kept, 0 to 1. */
  readonly sampledShare: number;
}

export interface Config {
  readonly mode: Environment['NODE_ENV'];
  readonly home: string;
  readonly http: {
    readonly host: string;
    readonly port: number;
    readonly bodyLimitBytes: number;
    readonly corsOrigins: readonly string[];
    readonly trustProxy: boolean;
    /** Its subdomains name tenants. */
    readonly publicDomain: string | undefined;
    /** Hosts at which the API is served for all tenants; when empty, any host that names none is one. */
    readonly publicHosts: readonly string[];
    readonly shutdownGraceMs: number;
    readonly shutdownDrainDelayMs: number;
  };
  /** Where the operators' API listens alone; absent: beside the tenants' API. */
  readonly platform: { readonly host: string; readonly port: number } | undefined;
  readonly logLevel: Environment['LOG_LEVEL'];
  readonly registry: {
    readonly url: string;
    readonly migrationUrl: string;
    /** `keyId:key[,keyId:key…]`, the first seals, all open; keys are 32 bytes in hex or base64. */
    readonly keys: string | undefined;
    /** Who seals data keys, and what each provider is reached by; all that are given open. */
    readonly masterKeys: MasterKeysConfig;
    /** How long an opened data key is kept in memory. */
    readonly dataKeyTtlMs: number;
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
  readonly mail: {
    /** Absent: mails are written to `folder`. */
    readonly smtpUrl: string | undefined;
    readonly from: string;
    readonly folder: string;
  };
  /** Where the front end is, without a slash at its end. */
  readonly publicUrl: string;
  readonly cursorKey: string;
  readonly pools: {
    readonly connectionBudget: number;
    readonly leaseQueueLimit: number;
    readonly leaseTimeoutMs: number;
    readonly connectTimeoutMs: number;
    readonly statementTimeoutMs: number;
    readonly idleTtlMs: number;
    /** Networks that are not public and yet may hold customers' own data sources, as CIDR ranges. */
    readonly byoAllowedNetworks: readonly string[];
  };
  /** Of operations into execution, fair between tenants. */
  readonly admission: {
    /** What a tenant has that is alone: as many as keep the loop busy beside databases that are quick. */
    readonly atOnceWhenBusy: number;
    readonly queueLimit: number;
    readonly timeoutMs: number;
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
    /** Of one address; 0 closes registration. */
    readonly registrationsPerHour: number;
  };
  readonly jobs: {
    /** Jobs that this process runs at once; 0: none. */
    readonly concurrency: number;
    /** How long a job belongs to a worker that gives no sign of life. */
    readonly leaseSeconds: number;
  };
  readonly replicas: {
    /** Where this process is; absent: it reads from primaries alone. */
    readonly region: string | undefined;
    readonly maxLagMs: number;
  };
  /** Tenants with metrics of their own; the others share one label. */
  readonly metricsTenants: number;
  /** Absent: no tracing, and none of its code is loaded. */
  readonly tracing: TracingConfig | undefined;
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
