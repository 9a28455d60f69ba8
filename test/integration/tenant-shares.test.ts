/**
 * A data source with one large tenant among many small ones. Postgres keeps plans for all values of a
 * statement's parameters, and tenants share the connections whose plans those are: what is kept after the
 * small ones have asked has to be good for the large one as well. Looked at by the pages that are read, of
 * the statements that the server sends.
 */
import { Client } from 'pg';
import { stateTenantShares } from '../../src/database/tenant-shares';
import { parseConnectionUrl } from '../../src/database/connection-url';
import type { Statement } from '../../src/database/statement';
import { migrateOne } from '../../src/tenancy/migrate-fleet';
import { enrolTenant } from '../../src/tenancy/provision';
import { tellAllTenantShares } from '../../src/tenancy/tell-tenant-shares';
import { createWorld, type World } from '../support/world';

const LARGE = 8000;
const SMALL = 8;
const SMALL_ONES = 1000;
/** Postgres decides after the fifth. */
const TIMES = 12;

/** What is asked, and how many pages of tables and indexes it may take the large tenant. */
const ASKED: readonly [name: string, pages: number, query: string][] = [
  [
    'a nested page',
    150,
    '{ accounts(first: 20) { nodes { name contacts(first: 5) { nodes { fullName } } } } }',
  ],
  [
    'a page with the parent of each',
    120,
    '{ contacts(first: 20) { nodes { fullName account { name } } } }',
  ],
  [
    'a page by a filter, newest first',
    110,
    `{ accounts(first: 20, filter: { industry: { eq: "retail" } },
         orderBy: [{ field: CREATED_AT, direction: DESC }]) { nodes { name } } }`,
  ],
  ['the parent of one', 20, 'query ($id: ID!) { contact(id: $id) { fullName account { name } } }'],
];

let world: World;
beforeAll(async () => {
  world = await createWorld();
  const { alpha, beta } = world.tenants;
  await world.sql(
    alpha.database,
    // A vacuum marks no page of a commit that is not on its way to the disk yet, and only of pages that are
    // marked may an index answer alone, which is what goes wrong.
    `set synchronous_commit = on;
     set session_replication_role = replica;
     create temp table sizes as
       select '${alpha.localTenantId}'::uuid as tenant, ${LARGE} as size
       union all select '${beta.localTenantId}', ${SMALL}
       union all select gen_random_uuid(), ${SMALL} from generate_series(1, ${SMALL_ONES});
     insert into cloister.accounts (tenant_id, id, name, industry, created_at)
       select tenant, gen_random_uuid(), 'Account ' || md5(tenant::text || n),
              (array['retail', 'energy', 'finance', 'banking'])[1 + n % 4], now() - n * interval '1 minute'
       from sizes, generate_series(1, size) n order by random();
     insert into cloister.contacts (tenant_id, id, account_id, last_name)
       select tenant_id, gen_random_uuid(), id, 'Of ' || name from cloister.accounts`,
  );
  for (const table of ['accounts', 'contacts'])
    await world.sql(alpha.database, `vacuum analyze cloister.${table}`);
}, 60_000);
afterAll(() => world.close());

/** What the catalogue has of a column that nobody has set anything for. */
const UNSAID = ' -1';

const shared = async () => {
  const row = await world.application.tenancy.registry.findDataSourceByName('shared');
  if (row === undefined) throw new Error('Expected the shared data source.');
  return row;
};
const migrate = async () => migrateOne(world.application.tenancy, await shared());

async function settings(database = world.tenants.alpha.database): Promise<Set<string>> {
  const rows = await world.sql<{ said: string }>(
    database,
    `select coalesce(a.attoptions::text, '') || ' ' || coalesce(a.attstattarget, -1) as said
     from pg_attribute a join pg_class c on c.oid = a.attrelid
     where c.relnamespace = 'cloister'::regnamespace and c.relkind = 'r' and a.attname = 'tenant_id'
       and c.relname <> 'tenants'`,
  );
  return new Set(rows.map(({ said }) => said));
}

/** The statement that the server sends for it from the second time on, as each of two tenants. */
async function statementsOf(query: string): Promise<Record<'alpha' | 'beta', Statement>> {
  const of = async (tenant: 'alpha' | 'beta'): Promise<Statement> => {
    const { data } = await world.query<{ contacts: { nodes: { id: string }[] } }>(
      { tenant },
      '{ contacts(first: 1) { nodes { id } } }',
    );
    for (let time = 0; time < 3; time += 1) {
      world.forgetStatements();
      await world.query({ tenant }, query, { id: data.contacts.nodes[0]?.id });
    }
    const [sent, ...others] = world.statements.filter(
      ({ text }) => !text.includes('user_sessions'),
    );
    if (sent === undefined || others.length > 0) throw new Error('Expected one statement.');
    return sent;
  };
  return { alpha: await of('alpha'), beta: await of('beta') };
}

/** Pages that the large tenant's statement reads on a connection where another has asked first. */
async function pagesRead(first: 'alpha' | 'beta', query: string): Promise<number> {
  const statements = await statementsOf(query);
  const client = new Client({ connectionString: world.tenants.alpha.database.appUrl });
  await client.connect();
  try {
    const become = (tenant: 'alpha' | 'beta') =>
      client.query("select set_config('app.tenant_id', $1, false)", [
        world.tenants[tenant].localTenantId,
      ]);
    const { text } = statements.alpha;
    await become(first);
    for (let time = 0; time < TIMES; time += 1)
      await client.query({ name: 'asked', text, values: [...statements[first].values] });
    await become('alpha');
    const values = statements.alpha.values.map((value) => `'${String(value)}'`).join();
    const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }>(
      `explain (analyze, buffers, format json) execute asked(${values})`,
    );
    const plan = rows[0]?.['QUERY PLAN'][0].Plan;
    return (plan?.['Shared Hit Blocks'] ?? NaN) + (plan?.['Shared Read Blocks'] ?? NaN);
  } finally {
    await client.end();
  }
}

it('is left as it is while there are few tenants', async () => {
  await migrate();
  expect(await settings()).toEqual(new Set([UNSAID]));
});

describe('once there are many tenants', () => {
  beforeAll(async () => {
    const { id } = await shared();
    for (let n = 1; n <= 20; n += 1)
      await enrolTenant(world.application.tenancy, {
        slug: `small-${n}`,
        name: `Small ${n}`,
        dataSourceId: id,
      });
    expect(await migrate()).toMatchObject({ state: 'current', fault: null });
  });

  it('is said of every table that tenants share, and of no database that one has alone', async () => {
    expect(await settings()).toEqual(new Set(['{n_distinct=20} 1']));
    const gamma = await world.application.tenancy.registry.findDataSourceByName('dedicated');
    if (gamma === undefined) throw new Error('Expected the dedicated data source.');
    await migrateOne(world.application.tenancy, gamma);
    expect(await settings(world.tenants.gamma.database)).toEqual(new Set([UNSAID]));
  });

  it.each(ASKED)('reads as much as it shows: %s', async (_name, pages, query) => {
    for (const first of ['beta', 'alpha'] as const)
      expect(await pagesRead(first, query)).toBeLessThanOrEqual(pages);
  });

  it('is said between releases as well, and once', async () => {
    const { tenancy } = world.application;
    const { ownerUrl } = world.tenants.alpha.database;
    const taken = await stateTenantShares(parseConnectionUrl(ownerUrl), 20);
    expect(await tellAllTenantShares(tenancy)).toEqual({ told: taken.length, failed: 0 });
    expect(await settings()).toEqual(new Set(['{n_distinct=20} 1']));
    expect(await tellAllTenantShares(tenancy)).toEqual({ told: 0, failed: 0 });
  });

  it('is taken back when they have gone, but for what somebody else has said', async () => {
    const { ownerUrl } = world.tenants.alpha.database;
    const owner = parseConnectionUrl(ownerUrl);
    await world.sql(
      world.tenants.alpha.database,
      'alter table cloister.events alter column tenant_id set (n_distinct = 7)',
    );
    expect(await stateTenantShares(owner, 21)).toEqual([]);
    expect(await stateTenantShares(owner, 20)).toContain('cloister.accounts');
    expect(await settings()).toEqual(new Set([UNSAID, '{n_distinct=7} 1']));
    expect(await stateTenantShares(owner, 20)).toEqual([]);
  });

  it('waits for no vacuum for long: what was busy is told the next time', async () => {
    const { database } = world.tenants.alpha;
    const owner = parseConnectionUrl(database.ownerUrl);
    const other = new Client({ connectionString: database.superuserUrl });
    await other.connect();
    await other.query('begin');
    await other.query('lock table cloister.contacts in share update exclusive mode');
    const told = await stateTenantShares(owner, 21, 50);
    await other.query('rollback');
    await other.end();
    expect(told).toContain('cloister.accounts');
    expect(told).not.toContain('cloister.contacts');
    expect(await stateTenantShares(owner, 21)).toEqual(['cloister.contacts']);
  });

  it('leaves tables that are distributed over servers alone', async () => {
    const { database } = world.tenants.alpha;
    await world.sql(
      database,
      `create or replace function cloister.is_distributed(place regclass) returns boolean
         language sql as $$ select place = 'cloister.contacts'::regclass $$`,
    );
    const told = await stateTenantShares(parseConnectionUrl(database.ownerUrl), 20);
    expect(told).toContain('cloister.accounts');
    expect(told).not.toContain('cloister.contacts');
  });
});
