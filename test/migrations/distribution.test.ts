import { Client } from 'pg';
import { uuidv7 } from 'uuidv7';
import { parseConnectionUrl } from '../../src/database/connection-url';
import { migrateDatabase } from '../../src/database/migrate-database';
import { EMBEDDED_DATABASES } from '../../src/embedded/embedded-layout';
import { createCitusStandIn, type CitusStandIn } from '../support/citus-stand-in';
import { ask } from '../support/data-sources';
import { cloneDatabase, createTemplate, type TestDatabase } from '../support/databases';
import { testTenantTemplate } from '../support/world';

const TENANT = uuidv7();
const OTHER = uuidv7();
const DISTRIBUTE = 'select name, kind from cloister.distribute_tenant_tables()';

interface Call {
  readonly call: string;
  readonly place: string;
  readonly colocate_with: string | null;
}

let standIn: CitusStandIn;
let database: TestDatabase;

beforeAll(async () => {
  standIn = await createCitusStandIn();
});
afterAll(() => standIn.remove());
afterEach(() => database.drop());

const emptyDatabase = async () =>
  cloneDatabase(await createTemplate('empty_tenant', () => Promise.resolve()));
const migrate = () =>
  migrateDatabase(parseConnectionUrl(database.ownerUrl), 'tenant', {
    appRole: EMBEDDED_DATABASES.shared.app,
  });
const owner = <Row>(text: string) => ask<Row>(database.ownerUrl, text);
const superuser = <Row>(text: string) => ask<Row>(database.superuserUrl, text);
const calls = () =>
  superuser<Call>('select call, place, colocate_with from citus.calls order by n');
const tenantTables = async () =>
  (
    await superuser<{ name: string }>(
      `select c.oid::regclass::text as name from pg_class c
       join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
       where c.relnamespace = 'cloister'::regnamespace and c.relkind = 'r' order by 1`,
    )
  ).map(({ name }) => name);

/** As the run-time role, in transactions that state the tenant. */
async function asTenant(
  tenantId: string,
  statements: readonly (readonly [text: string, values?: unknown[]])[],
): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: database.appUrl });
  await client.connect();
  try {
    let rows: Record<string, unknown>[] = [];
    for (const [text, values = []] of statements) {
      await client.query('begin');
      await client.query(`set local app.tenant_id = '${tenantId}'`);
      await client.query("set local app.request_id = 'r1'");
      rows = (await client.query<Record<string, unknown>>(text, values)).rows;
      await client.query('commit');
    }
    return rows;
  } finally {
    await client.end();
  }
}

const WRITES: readonly (readonly [string, unknown[]?])[] = [
  [`insert into cloister.tenants (tenant_id, slug, name) values ($1, 'one', 'One')`, [TENANT]],
  [
    `insert into cloister.users (tenant_id, id, name, password_hash)
     select $1, gen_random_uuid(), 'U' || n, 'secret' from generate_series(1, 3) n`,
    [TENANT],
  ],
  [`update cloister.users set title = 'Dr' where tenant_id = $1 and name = 'U1'`, [TENANT]],
  [
    `update cloister.users set version = version + 1 where tenant_id = $1 and name = 'U2'`,
    [TENANT],
  ],
  [`delete from cloister.users where tenant_id = $1 and name = 'U3'`, [TENANT]],
  [
    `insert into cloister.import_runs (tenant_id, id, fingerprint, progress)
     values ($1, gen_random_uuid(), 'f', '{}')`,
    [TENANT],
  ],
];
const LOG = `select l.table_name, l.operation, l.epoch, l.before, l.after, l.request_id,
    exists (select from cloister.users u where u.tenant_id = $1 and u.id = l.record_id) as there
  from cloister.change_log l where l.tenant_id = $1 order by l.seq`;

describe('the migration to distributed tables, without the extension', () => {
  it('distributes nothing and leaves statement triggers as they were', async () => {
    database = await cloneDatabase(await testTenantTemplate());
    expect(await owner(DISTRIBUTE)).toEqual([]);
    expect(await owner(`select cloister.is_distributed('cloister.accounts') as is`)).toEqual([
      { is: false },
    ]);
    const [row] = await superuser<{ statements: number; rows: number }>(
      `select count(*) filter (where tgnewtable is not null or tgoldtable is not null)::int as statements,
              count(*) filter (where tgfoid = 'cloister.log_row_change'::regproc)::int as rows
       from pg_trigger where tgname like 'change\\_log\\_%'`,
    );
    expect(row?.statements).toBeGreaterThan(30);
    expect(row?.rows).toBe(0);
  });

  it('logs by row what it logs by statement', async () => {
    database = await cloneDatabase(await testTenantTemplate());
    const byStatement = await asTenant(TENANT, [...WRITES, [LOG, [TENANT]]]);
    await database.drop();
    database = await emptyDatabase();
    await standIn.install(database);
    await migrate();
    const byRow = await asTenant(TENANT, [...WRITES, [LOG, [TENANT]]]);
    expect(byRow).toEqual(byStatement);
    expect(byRow).toHaveLength(7);
    expect(JSON.stringify(byRow)).not.toContain('secret');
  });
});

describe('the migration to distributed tables, with the extension', () => {
  it('distributes every table of tenants in a fresh database, parents first, all in one place', async () => {
    database = await emptyDatabase();
    await standIn.install(database);
    await migrate();
    const made = await calls();
    expect(made[0]).toEqual({
      call: 'create_distributed_table',
      place: 'cloister.tenants',
      colocate_with: 'none',
    });
    for (const { call, colocate_with: beside } of made.slice(1)) {
      expect([call, beside]).toEqual(['create_distributed_table', 'cloister.tenants']);
    }
    expect(made.map(({ place }) => place).sort()).toEqual(await tenantTables());
    const groups = await superuser('select distinct colocationid from pg_dist_partition');
    expect(groups).toHaveLength(1);
  });

  it('keeps row security forced and puts every other trigger back', async () => {
    const triggers = `select tgrelid::regclass::text as place, tgname from pg_trigger
      where not tgisinternal order by 1, 2`;
    database = await cloneDatabase(await testTenantTemplate());
    const before = await superuser(triggers);
    await database.drop();
    database = await emptyDatabase();
    await standIn.install(database);
    await migrate();
    expect(await superuser(triggers)).toEqual(before);
    const unguarded = await superuser(
      `select relname from pg_class c where relnamespace = 'cloister'::regnamespace and relkind = 'r'
         and relname not like 'schema%' and not (relrowsecurity and relforcerowsecurity)`,
    );
    expect(unguarded).toEqual([]);
  });

  it('leaves a database with tenants to the operator, carries their rows, and is done once', async () => {
    database = await cloneDatabase(await testTenantTemplate());
    await asTenant(TENANT, WRITES);
    await asTenant(OTHER, [
      [`insert into cloister.tenants (tenant_id, slug, name) values ($1, 'two', 'Two')`, [OTHER]],
    ]);
    await standIn.install(database);
    await migrate();
    expect(await calls()).toEqual([]);

    const done = await owner<{ name: string; kind: string }>(DISTRIBUTE);
    expect(done.map(({ name }) => name).sort()).toEqual(await tenantTables());
    const truncated = (await calls())
      .filter(({ call }) => call === 'truncate_local_data')
      .map(({ place }) => place);
    // Those that hold rows, children before what they refer to, the log's own guard out of the way.
    expect(truncated.sort()).toEqual([
      'cloister.change_log',
      'cloister.import_runs',
      'cloister.tenants',
      'cloister.users',
    ]);

    const countBefore = (await calls()).length;
    expect(await owner(DISTRIBUTE)).toEqual([]);
    expect(await calls()).toHaveLength(countBefore);
    // Isolation is where it was.
    expect(await asTenant(OTHER, [['select slug from cloister.tenants']])).toEqual([
      { slug: 'two' },
    ]);
    expect(await asTenant(OTHER, [['select 1 from cloister.users']])).toEqual([]);
  });

  it('distributes the table of a later migration as soon as it is guarded', async () => {
    database = await emptyDatabase();
    await standIn.install(database);
    await migrate();
    await owner(`
      create table cloister.currencies (code text primary key);
      create table cloister.later (
        tenant_id uuid not null, id uuid not null, account_id uuid, currency text references cloister.currencies (code),
        secret_hash bytea, name text, primary key (tenant_id, id),
        foreign key (tenant_id, account_id) references cloister.accounts (tenant_id, id));
      select cloister.guard_tenant_table('later')`);
    expect((await calls()).slice(-2)).toEqual([
      { call: 'create_reference_table', place: 'cloister.currencies', colocate_with: null },
      {
        call: 'create_distributed_table',
        place: 'cloister.later',
        colocate_with: 'cloister.tenants',
      },
    ]);
    await asTenant(TENANT, [
      [
        `insert into cloister.later (tenant_id, id, name, secret_hash) values ($1, gen_random_uuid(), 'n', 'x')`,
        [TENANT],
      ],
    ]);
    expect(await asTenant(TENANT, [[`select table_name, after from cloister.change_log`]])).toEqual(
      [{ table_name: 'later', after: { name: 'n' } }],
    );
    // Guarded again, as by a migration that adds a column, it stays as it is.
    await owner(`select cloister.guard_tenant_table('later')`);
  });

  it('is refused whole where the workers do not take triggers, with what to run', async () => {
    database = await cloneDatabase(await testTenantTemplate());
    await standIn.install(database, 'off');
    await expect(owner(DISTRIBUTE)).rejects.toMatchObject({
      message: expect.stringContaining('worker-1:5432, worker-2:5432'),
      hint: expect.stringContaining('alter system set citus.enable_unsafe_triggers'),
    });
    expect(await calls()).toEqual([]);
  });

  it('is refused at a worker', async () => {
    database = await cloneDatabase(await testTenantTemplate());
    await standIn.install(database);
    await superuser('update pg_dist_local_group set groupid = 1');
    await expect(owner(DISTRIBUTE)).rejects.toThrow('expected the coordinator');
  });

  it('searches with settings that reach the workers, and finds the same', async () => {
    database = await emptyDatabase();
    await standIn.install(database);
    await migrate();
    const [{ text } = { text: '' }] = await superuser<{ text: string }>(
      `select pg_get_functiondef('cloister.search_tables(text[], text[], integer)'::regprocedure) as text`,
    );
    expect(text).not.toContain('perform set_config(');
    const [setter] = await superuser<{ text: string }>(
      `select prosrc as text from pg_proc where proname = 'set_for_transaction'`,
    );
    expect(setter?.text).toContain('set local');
    const found = await asTenant(TENANT, [
      [
        `insert into cloister.accounts (tenant_id, id, name) values ($1, gen_random_uuid(), 'Müller & Söhne')`,
        [TENANT],
      ],
      [
        `select a.name from cloister.search_tables(array['accounts'], array['muller'], 10) s
         join cloister.accounts a on a.tenant_id = $1 and a.id = s.id`,
        [TENANT],
      ],
    ]);
    expect(found).toEqual([{ name: 'Müller & Söhne' }]);
    const foreign = await asTenant(OTHER, [
      [`select * from cloister.search_tables(array['accounts'], array['muller'], 10)`],
    ]);
    expect(foreign).toEqual([]);
  });
});
