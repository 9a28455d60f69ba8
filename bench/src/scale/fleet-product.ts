/** The parts of cloister that make a fleet, by hand and few: what is built, as it ships. */
import { requireProduct } from '../product';

/** Of an access token: whose session it is. */
export interface Claims {
  readonly userId: string;
  readonly tenantId: string;
  readonly sessionId: string;
  readonly role: string;
  readonly family?: string;
}

interface Connection {
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
}
interface DataSourceRow {
  readonly id: string;
  readonly name: string;
  readonly placement: string;
  readonly namedStatements: boolean;
}
interface Tenancy {
  readonly registry: {
    listTenants(page: {
      limit: number;
    }): Promise<readonly { slug: string; id: string; dataSourceId: string | null }[]>;
    listDataSources(): Promise<readonly DataSourceRow[]>;
    updateDataSource(id: string, change: object): Promise<void>;
  };
  readonly secretBox: object;
  close(): Promise<void>;
}
interface Config {
  readonly registry: { readonly url: string; readonly migrationUrl: string };
  readonly auth: Readonly<Record<'jwtKeys' | 'issuer' | 'audience' | 'emailIndexKey', string>>;
}
interface Role {
  readonly name: string;
  readonly password: string;
}

export interface Product {
  readonly tenancy: Tenancy;
  readonly provisioning: { register(spec: object): Promise<string> };
  parseConnectionUrl(url: string): Connection;
  formatConnectionUrl(connection: object): string;
  createTenantDatabase(
    server: object,
    database: { readonly database: string; readonly owner: Role; readonly app: Role },
  ): Promise<void>;
  addServer(tenancy: Tenancy, spec: object, actor: string): Promise<string>;
  addDataSource(tenancy: Tenancy, spec: object): Promise<string>;
  enrolDataSource(tenancy: Tenancy, spec: object): Promise<string>;
  openUrl(secretBox: object, row: object): Promise<string>;
  setTenantLimits(tenancy: Tenancy, change: object): Promise<void>;
  accessTokens(ttlSeconds: number): { issue(claims: Claims): { readonly token: string } };
}

/** With the registry's schema brought up. The tenancy is the caller's to close. */
export async function productOf(root: string): Promise<Product> {
  const load = <T>(path: string): T => requireProduct<T>(root, path);
  const { createConfig, readEnvironment } = load<{
    createConfig(environment: object): Config;
    readEnvironment(): object;
  }>('config.js');
  const urls = load<Pick<Product, 'parseConnectionUrl' | 'formatConnectionUrl'>>(
    'database/connection-url.js',
  );
  const { migrateDatabase } = load<{
    migrateDatabase(owner: object, set: string, options: object): Promise<void>;
  }>('database/migrate-database.js');
  const { createTenancy } = load<{ createTenancy(config: Config, options: object): Tenancy }>(
    'tenancy/tenancy.js',
  );
  const { createPasswords } = load<{ createPasswords(): object }>('auth/passwords.js');
  const { createProvisioning } = load<{
    createProvisioning(deps: object): Product['provisioning'];
  }>('platform/provisioning/provisioning.js');
  const { createAccessTokens } = load<{
    createAccessTokens(options: object): ReturnType<Product['accessTokens']>;
  }>('auth/access-tokens.js');
  const { parseTokenKeys } = load<{ parseTokenKeys(text: string): object }>('auth/token-keys.js');

  const config = createConfig(readEnvironment());
  await migrateDatabase(urls.parseConnectionUrl(config.registry.migrationUrl), 'registry', {
    appRole: urls.parseConnectionUrl(config.registry.url).user,
  });
  const tenancy = createTenancy(config, { listen: false });
  const { jwtKeys, issuer, audience, emailIndexKey } = config.auth;
  return {
    tenancy,
    provisioning: createProvisioning({ tenancy, passwords: createPasswords(), emailIndexKey }),
    ...load<Pick<Product, 'createTenantDatabase'>>('platform/provisioning/tenant-database.js'),
    ...load<Pick<Product, 'addServer'>>('platform/database-servers.js'),
    ...load<Pick<Product, 'addDataSource'>>('tenancy/add-data-source.js'),
    ...load<Pick<Product, 'enrolDataSource'>>('tenancy/provision.js'),
    ...load<Pick<Product, 'openUrl'>>('tenancy/secrets/data-source-urls.js'),
    ...load<Pick<Product, 'setTenantLimits'>>('platform/plans/tenant-limits.js'),
    ...urls,
    accessTokens: (ttlSeconds) =>
      createAccessTokens({ keys: parseTokenKeys(jwtKeys), issuer, audience, ttlSeconds }),
  };
}
