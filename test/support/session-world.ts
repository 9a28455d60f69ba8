/** Two tenants in one database, and sessions on it through a proxy: what tests of sessions stand on. */
import { uuidv7 } from 'uuidv7';
import type { Statement } from '../../src/database/statement';
import type { DataSource } from '../../src/tenancy/directory';
import type { PoolManager } from '../../src/tenancy/pools';
import type { SessionOptions } from '../../src/tenancy/session';
import type { OperationSession } from '../../src/tenancy/session.port';
import { ask, dataSourceAt, eventually, openSessionOn, testPools } from './data-sources';
import { cloneDatabase, type TestDatabase } from './databases';
import { startTcpProxy, type TcpProxy } from './tcp-proxy';
import { testTenantTemplate } from './world';

export const ALPHA = uuidv7();
export const BETA = uuidv7();

export const sql = (text: string, values: unknown[] = []): Statement => ({ text, values });
export const NAMES = sql('select name from cloister.accounts order by name');
export const insert = (name: string, { tenantId = ALPHA, id = uuidv7() } = {}): Statement =>
  sql(
    'insert into cloister.accounts (tenant_id, id, name) values ($1, $2, $3) returning id, name',
    [tenantId, id, name],
  );

export interface SessionWorld {
  readonly database: TestDatabase;
  readonly proxy: TcpProxy;
  readonly dataSource: DataSource;
  readonly pools: PoolManager;
  open(tenantId?: string, options?: Partial<SessionOptions>): OperationSession;
  /** Connections of ours that run such a statement now, as the server sees it. */
  running(pattern: RegExp): Promise<number>;
  /** Waits until no connection is lent or in a transaction. @returns how many there are. @throws Error */
  allBack(): Promise<number>;
  close(): Promise<void>;
}

export async function createSessionWorld(
  settings: Pick<DataSource, 'sessionStyle' | 'namedStatements'>,
): Promise<SessionWorld> {
  const database = await cloneDatabase(await testTenantTemplate());
  const proxy = await startTcpProxy(database.appUrl);
  const dataSource = dataSourceAt(proxy.through(database.appUrl), settings);
  const pools = testPools();
  const open = (tenantId = ALPHA, options: Partial<SessionOptions> = {}): OperationSession =>
    openSessionOn(pools, dataSource, tenantId, options);
  for (const tenantId of [ALPHA, BETA]) {
    await open(tenantId).write(
      sql('insert into cloister.tenants (tenant_id, slug, name) values ($1, $2, $2)', [
        tenantId,
        `t-${tenantId}`,
      ]),
    );
  }
  const activity = () =>
    ask<{ state: string; query: string }>(
      database.superuserUrl,
      "select state, query from pg_stat_activity where datname = current_database() and application_name = 'cloister'",
    );
  return {
    database,
    proxy,
    dataSource,
    pools,
    open,
    running: async (pattern) =>
      (await activity()).filter(({ state, query }) => state === 'active' && pattern.test(query))
        .length,
    async allBack() {
      const { states } = await eventually(
        async () => ({
          stats: pools.stats(),
          states: (await activity()).map(({ state }) => state),
        }),
        ({ stats, states }) =>
          stats.every(
            ({ leased, waiting, open: held, idle }) =>
              leased === 0 && waiting === 0 && held === idle,
          ) && states.every((state) => state === 'idle'),
      );
      return states.length;
    },
    async close() {
      await pools.close();
      await proxy.close();
      await database.drop();
    },
  };
}
