/**
 * Run as a process of its own for the cloister that is measured: migrates registry and data source,
 * enrols the tenants, makes one user in each. Again with another URL it only moves the data source.
 * Takes an EnrolOrder as JSON in ENROL_ORDER and answers the tenants' ids, by data source, on standard
 * output.
 */
import { requireProduct } from './product';

export interface EnrolOrder {
  readonly root: string;
  readonly sources: readonly {
    readonly name: string;
    readonly url: string;
    readonly migrationUrl: string;
    /** Of the tenants to enrol; none where the source is only to be found elsewhere from now on. */
    readonly slugs: readonly string[];
  }[];
  readonly poolSize: number;
  readonly password: string;
}

export const slugOf = (tenantIndex: number): string => `tenant-${tenantIndex}`;
export const emailOf = (slug: string): string => `bench@${slug}.test`;

interface Tx {
  readonly localTenantId: string;
  query(statement: { text: string; values: unknown[] }): Promise<unknown[]>;
}
interface Tenancy {
  readonly registry: {
    findTenant(id: string): Promise<{ readonly id: string } | undefined>;
    findDataSource(id: string): Promise<object | undefined>;
  };
  openSession(tenant: object): { transaction(work: (tx: Tx) => Promise<void>): Promise<void> };
  close(): Promise<void>;
}
interface Config {
  readonly registry: { readonly url: string; readonly migrationUrl: string };
  readonly auth: { readonly emailIndexKey: string };
}

async function enrol(order: EnrolOrder): Promise<readonly (readonly string[])[]> {
  const load = <T>(path: string): T => requireProduct<T>(order.root, path);
  const { createConfig, readEnvironment } = load<{
    createConfig(environment: object): Config;
    readEnvironment(): object;
  }>('config.js');
  const { parseConnectionUrl } = load<{ parseConnectionUrl(url: string): { user: string } }>(
    'database/connection-url.js',
  );
  const { migrateDatabase } = load<{
    migrateDatabase(owner: object, set: string, options: object): Promise<void>;
  }>('database/migrate-database.js');
  const { createTenancy } = load<{ createTenancy(config: Config, options: object): Tenancy }>(
    'tenancy/tenancy.js',
  );
  const { enrolDataSource, enrolTenant, migrateDataSource } = load<{
    enrolDataSource(tenancy: Tenancy, spec: object): Promise<string>;
    enrolTenant(tenancy: Tenancy, spec: object): Promise<string>;
    migrateDataSource(tenancy: Tenancy, row: object): Promise<unknown>;
  }>('tenancy/provision.js');
  const { createPasswords } = load<{ createPasswords(): { hash(text: string): Promise<string> } }>(
    'auth/passwords.js',
  );
  const { createEmailRouting } = load<{
    createEmailRouting(
      tenancy: Tenancy,
      key: string,
    ): (tenantId: string) => { add(email: string): Promise<void> };
  }>('request/create-context.js');

  const config = createConfig(readEnvironment());
  await migrateDatabase(parseConnectionUrl(config.registry.migrationUrl), 'registry', {
    appRole: parseConnectionUrl(config.registry.url).user,
  });
  const tenancy = createTenancy(config, { listen: false });
  try {
    const passwordHash = await createPasswords().hash(order.password);
    const routing = createEmailRouting(tenancy, config.auth.emailIndexKey);
    const addUser = async (id: string, email: string): Promise<void> => {
      await tenancy
        .openSession((await tenancy.registry.findTenant(id)) ?? {})
        .transaction(async (tx) => {
          await tx.query({
            text: `insert into cloister.users (tenant_id, id, name, email, email_key, password_hash, role)
            values ($1, gen_random_uuid(), 'Bench', $2, $2, $3, 'admin') on conflict do nothing`,
            values: [tx.localTenantId, email, passwordHash],
          });
        });
      await routing(id).add(email);
    };
    const answer: string[][] = [];
    for (const { slugs, ...source } of order.sources) {
      const dataSourceId = await enrolDataSource(tenancy, {
        ...source,
        placement: 'shared',
        poolMax: order.poolSize,
      });
      await migrateDataSource(tenancy, (await tenancy.registry.findDataSource(dataSourceId)) ?? {});
      const ids: string[] = [];
      for (const slug of slugs) {
        const id = await enrolTenant(tenancy, { slug, name: slug, dataSourceId });
        ids.push(id);
        await addUser(id, emailOf(slug));
      }
      answer.push(ids);
    }
    return answer;
  } finally {
    await tenancy.close();
  }
}

if (require.main === module) {
  void enrol(JSON.parse(process.env['ENROL_ORDER'] ?? '{}') as EnrolOrder).then(
    (ids) => process.stdout.write(JSON.stringify(ids)),
    (error: unknown) => {
      process.stderr.write(String(error instanceof Error ? error.stack : error));
      process.exitCode = 1;
    },
  );
}
