/** For tests of moves: data sources to move to, records to move, and sums to compare places by. */
import { enrolDataSource } from '../../src/tenancy/provision';
import type { Placement } from '../../src/tenancy/registry.store';
import { cliEnvironment, cloister, type CliResult } from './cli';
import { cloneDatabase, type TestDatabase } from './databases';
import { createWorld, testTenantTemplate, type Answer, type TenantName, type World } from './world';

export interface Account {
  readonly id: string;
  readonly version: number;
}

export interface MoveWorld {
  readonly world: World;
  /** An empty data source of the registry. */
  addSource(name: string, placement: Placement): Promise<TestDatabase>;
  move(...args: string[]): Promise<CliResult>;
  createAccount(tenant: TenantName, input: object): Promise<Account>;
  updateAccount(tenant: TenantName, input: object): Promise<Account>;
  /** Of every table: rows, and a hash of them without their tenant id. */
  sumsOf(database: TestDatabase, localTenantId: string): Promise<Record<string, string>>;
  /** What the tenant is called where it is now. */
  localIdOf(tenant: TenantName): Promise<string>;
  close(): Promise<void>;
}

export async function createMoveWorld(): Promise<MoveWorld> {
  const world = await createWorld();
  const databases: TestDatabase[] = [];

  const write = async <T>(tenant: TenantName, mutation: string, input: object): Promise<T> => {
    const answer: Answer<T> = await world.query<T>({ tenant }, mutation, { input });
    if (answer.errors.length > 0) throw new Error(answer.text);
    return answer.data;
  };
  const accountOf = ({
    account,
    userErrors,
  }: {
    account: Account | null;
    userErrors: unknown;
  }): Account => {
    if (account === null) throw new Error(JSON.stringify(userErrors));
    return account;
  };

  return {
    world,
    async addSource(name, placement) {
      const database = await cloneDatabase(await testTenantTemplate());
      databases.push(database);
      const { appUrl: url, ownerUrl: migrationUrl } = database;
      await enrolDataSource(world.application.tenancy, { name, placement, url, migrationUrl });
      return database;
    },
    move: (...args) =>
      cloister(['move', ...args], {
        ...cliEnvironment(world.registry),
        BYO_ALLOWED_NETWORKS: '127.0.0.0/8,::1/128',
      }),
    async createAccount(tenant, input) {
      const { createAccount } = await write<{
        createAccount: { account: Account | null; userErrors: unknown };
      }>(
        tenant,
        'mutation ($input: CreateAccountInput!) { createAccount(input: $input) { account { id version } userErrors { code message } } }',
        input,
      );
      return accountOf(createAccount);
    },
    async updateAccount(tenant, input) {
      const { updateAccount } = await write<{
        updateAccount: { account: Account | null; userErrors: unknown };
      }>(
        tenant,
        'mutation ($input: UpdateAccountInput!) { updateAccount(input: $input) { account { id version } userErrors { code message } } }',
        input,
      );
      return accountOf(updateAccount);
    },
    async sumsOf(database, localTenantId) {
      const tables = await world.sql<{ name: string }>(
        database,
        `select table_name as name from information_schema.columns
         where table_schema = 'cloister' and column_name = 'tenant_id' and table_name <> 'tenants' order by 1`,
      );
      const sums: Record<string, string> = {};
      for (const { name } of tables) {
        const [sum] = await world.sql<{ sum: string }>(
          database,
          `select count(*) || ' ' || md5(coalesce(string_agg(row, '|' order by row), '')) as sum
           from (select (to_jsonb(t) - 'tenant_id')::text as row from cloister.${name} t where tenant_id = $1) rows`,
          [localTenantId],
        );
        sums[name] = sum?.sum ?? '';
      }
      return sums;
    },
    async localIdOf(tenant) {
      const row = await world.application.tenancy.registry.findTenant(world.tenants[tenant].id);
      return row?.tenantIdInDataSource ?? '';
    },
    async close() {
      await world.close();
      for (const database of databases) await database.drop();
    },
  };
}

/** How many rows a sum speaks of. */
export const rowsOf = (sums: Readonly<Record<string, string>>): number =>
  Object.values(sums).reduce((total, sum) => total + Number(sum.split(' ')[0]), 0);
