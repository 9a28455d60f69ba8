/**
 * A whole cloister for a test file: a registry, a shared data source with two tenants (alpha and
 * beta), a dedicated one (gamma) and one that was there first and has its own name for its tenant
 * (delta), all clones of templates, behind a started server. In each tenant an admin, a member and
 * a reader; statements are recorded, to be counted.
 */
import { Client } from 'pg';
import type { DestinationStream } from 'pino';
import { uuidv7 } from 'uuidv7';
import { createApplication, type Application } from '../../src/application';
import { createPasswords } from '../../src/auth/passwords';
import type { Role } from '../../src/auth/principal';
import { createConfig, readEnvironment, type Config } from '../../src/config';
import { parseConnectionUrl } from '../../src/database/connection-url';
import { migrateDatabase } from '../../src/database/migrate-database';
import type { Statement } from '../../src/database/statement';
import { createEmailRouting } from '../../src/request/create-context';
import type { Mail } from '../../src/mail/mail';
import { createLogger } from '../../src/server/logger';
import { createTenancy } from '../../src/tenancy/tenancy';
import { enrolDataSource, enrolTenant } from '../../src/tenancy/provision';
import type { SessionStyle } from '../../src/tenancy/transaction-scope';
import { cloneDatabase, registryTemplate, tenantTemplate, type TestDatabase } from './databases';

export const PASSWORD = 'correct-horse-battery';
const SECRET = 'a-secret-of-the-tests-of-at-least-32-bytes';

export type TenantName = 'alpha' | 'beta' | 'gamma' | 'delta';
const TENANTS: readonly { slug: TenantName; on: 'shared' | 'dedicated' | 'byo' }[] = [
  { slug: 'alpha', on: 'shared' },
  { slug: 'beta', on: 'shared' },
  { slug: 'gamma', on: 'dedicated' },
  { slug: 'delta', on: 'byo' },
];

export interface Answer<T = Record<string, unknown>> {
  readonly status: number;
  readonly text: string;
  readonly data: T;
  readonly errors: readonly {
    message: string;
    extensions: Record<string, unknown> & { code: string };
  }[];
}

export interface TestTenant {
  readonly id: string;
  readonly slug: TenantName;
  readonly localTenantId: string;
  readonly database: TestDatabase;
  readonly users: Readonly<Record<Role, string>>;
}

export interface World {
  readonly url: string;
  readonly config: Config;
  readonly application: Application;
  readonly registry: TestDatabase;
  readonly tenants: Readonly<Record<TenantName, TestTenant>>;
  /** Statements sent to tenants' data sources since the last `forget()`. */
  readonly statements: readonly (Statement & { readonly tenantId: string })[];
  forgetStatements(): void;
  /** Takes the mails that were sent since they were last taken, once none is under way any more. */
  takeMails(): Promise<Mail[]>;
  /** A GraphQL request as a user of a tenant; `as` absent: anonymous. */
  query<T = Record<string, unknown>>(
    as: { tenant: TenantName; role?: Role } | { token: string } | undefined,
    query: string,
    variables?: Record<string, unknown>,
  ): Promise<Answer<T>>;
  /** Rows as the superuser sees them, past every policy. */
  sql<Row = Record<string, unknown>>(
    database: TestDatabase,
    text: string,
    values?: unknown[],
  ): Promise<Row[]>;
  close(): Promise<void>;
}

export interface WorldOptions {
  readonly environment?: NodeJS.ProcessEnv;
  /** Where log lines go; the level is the environment's LOG_LEVEL. */
  readonly logDestination?: DestinationStream;
  /** How sessions state their tenant; TEST_SESSION_STYLE=distributed makes every world so. */
  readonly sessionStyle?: SessionStyle;
}

const migrate = (set: 'registry' | 'tenant', appRole: string) => async (ownerUrl: string) => {
  await migrateDatabase(parseConnectionUrl(ownerUrl), set, { appRole });
};

export const testRegistryTemplate = () =>
  registryTemplate(migrate('registry', 'cloister_registry_app'));
export const testTenantTemplate = () => tenantTemplate(migrate('tenant', 'cloister_shared_app'));

export function testConfig(registry: TestDatabase, environment: NodeJS.ProcessEnv = {}): Config {
  return createConfig(
    readEnvironment({
      NODE_ENV: 'test',
      PORT: '0',
      SHUTDOWN_DRAIN_DELAY_MS: '0',
      LOG_LEVEL: 'silent',
      JOBS_CONCURRENCY: '0', // whoever tests jobs starts them
      REGISTRY_URL: registry.appUrl,
      REGISTRY_MIGRATION_URL: registry.ownerUrl,
      REGISTRY_KEYS: `t1:${'0123456789abcdef'.repeat(4)}`,
      BYO_ALLOWED_NETWORKS: '127.0.0.0/8,::1/128',
      AUTH_JWT_KEYS: `j1:${SECRET}`,
      EMAIL_INDEX_KEY: SECRET,
      CURSOR_KEY: SECRET,
      ...environment,
    }),
  );
}

export async function createWorld({
  environment = {},
  logDestination,
  sessionStyle = process.env['TEST_SESSION_STYLE'] === 'distributed' ? 'distributed' : 'direct',
}: WorldOptions = {}): Promise<World> {
  const tenantSchema = await testTenantTemplate();
  const [registry, shared, dedicated, byo] = await Promise.all([
    cloneDatabase(await testRegistryTemplate()),
    cloneDatabase(tenantSchema),
    cloneDatabase(tenantSchema),
    cloneDatabase(tenantSchema),
  ]);
  const databases = { shared, dedicated, byo };
  const config = testConfig(registry, environment);
  const tenants = await populate(config, databases, sessionStyle);

  const statements: (Statement & { tenantId: string })[] = [];
  const mails: Mail[] = [];
  const application = await createApplication({
    config,
    logger: createLogger(config.logLevel, logDestination),
    refusalBeatMs: 1,
    mailer: { deliver: async (mail) => void mails.push(mail), close: () => undefined },
    onStatement: (statement, { tenantId }) => statements.push({ ...statement, tenantId }),
  });
  const { url } = await application.http.listen();
  const tokens = new Map<string, Promise<string>>();

  const send = async <T>(
    token: string | undefined,
    query: string,
    variables?: Record<string, unknown>,
  ): Promise<Answer<T>> => {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ query, variables }),
    });
    const text = await response.text();
    const body = JSON.parse(text) as { data?: T; errors?: Answer['errors'] };
    return {
      status: response.status,
      text,
      data: (body.data ?? {}) as T,
      errors: body.errors ?? [],
    };
  };

  const signIn = async (tenant: TenantName, role: Role): Promise<string> => {
    const answer = await send<{ login: { accessToken: string } }>(
      undefined,
      'mutation ($input: LoginInput!) { login(input: $input) { accessToken } }',
      { input: { email: `${role}@${tenant}.test`, password: PASSWORD } },
    );
    return answer.data.login.accessToken;
  };

  return {
    url,
    config,
    application,
    registry,
    tenants,
    statements,
    forgetStatements: () => statements.splice(0),
    async takeMails() {
      await application.followUps.settled();
      return mails.splice(0);
    },
    async query(as, query, variables) {
      if (as === undefined) return send(undefined, query, variables);
      if ('token' in as) return send(as.token, query, variables);
      const { tenant, role = 'admin' } = as;
      const key = `${role}@${tenant}`;
      const token = tokens.get(key) ?? signIn(tenant, role);
      tokens.set(key, token);
      return send(await token, query, variables);
    },
    async sql<Row>(database: TestDatabase, text: string, values: unknown[] = []) {
      const client = new Client({ connectionString: database.superuserUrl });
      await client.connect();
      try {
        return (await client.query(text, values)).rows as Row[];
      } finally {
        await client.end();
      }
    },
    async close() {
      await application.close();
      for (const database of [registry, shared, dedicated, byo]) await database.drop();
    },
  };
}

async function populate(
  config: Config,
  databases: Readonly<Record<'shared' | 'dedicated' | 'byo', TestDatabase>>,
  sessionStyle: SessionStyle,
): Promise<Record<TenantName, TestTenant>> {
  const tenancy = createTenancy(config, { listen: false });
  const passwordHash = await createPasswords().hash(PASSWORD);
  const routing = createEmailRouting(tenancy, config.auth.emailIndexKey);
  try {
    const sources = new Map<string, string>();
    for (const [placement, { appUrl, ownerUrl }] of Object.entries(databases)) {
      const spec = {
        name: placement,
        placement: placement as keyof typeof databases,
        sessionStyle,
      };
      sources.set(
        placement,
        await enrolDataSource(tenancy, { ...spec, url: appUrl, migrationUrl: ownerUrl }),
      );
    }
    const tenants: Partial<Record<TenantName, TestTenant>> = {};
    for (const { slug, on } of TENANTS) {
      const id = await enrolTenant(tenancy, {
        slug,
        name: slug,
        dataSourceId: sources.get(on) ?? '',
        ...(on === 'byo' ? { tenantIdInDataSource: uuidv7() } : {}),
      });
      const row = await tenancy.registry.findTenant(id);
      if (row === undefined) throw new Error(`The tenant ${slug} was not enrolled.`);
      const users = { admin: uuidv7(), member: uuidv7(), reader: uuidv7() };
      await tenancy.openSession(row).transaction(async (tx) => {
        for (const [role, userId] of Object.entries(users)) {
          const email = `${role}@${slug}.test`;
          await tx.query({
            text: 'insert into cloister.users (tenant_id, id, name, email, email_key, password_hash, role) values ($1, $2, $3, $4, $4, $5, $6)',
            values: [tx.localTenantId, userId, `${slug} ${role}`, email, passwordHash, role],
          });
          await routing(id).add(email);
        }
      });
      tenants[slug] = {
        id,
        slug,
        localTenantId: row.tenantIdInDataSource,
        database: databases[on],
        users,
      };
    }
    return tenants as Record<TenantName, TestTenant>;
  } finally {
    await tenancy.close();
  }
}
