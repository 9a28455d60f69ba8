/**
 * What every migration of a tenant data source must keep: isolation is the database's business, and
 * this is where a table is caught that does not have it.
 */
import { Client } from 'pg';
import { columnOf } from '../../src/crm/kind/columns';
import { kinds } from '../../src/crm/kinds';
import { cloneDatabase, type TestDatabase } from '../support/databases';
import { testRegistryTemplate, testTenantTemplate } from '../support/world';

/** Tables of the migrations themselves: no tenant's data, and read-only to the run-time role. */
const BOOKKEEPING = [
  'schema_migrations',
  'schema_migrations_lock',
  'schema_migrations_compatibility',
];

const POLICY =
  "(tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)";

/** The only other policy there may be: it can but hide, and is for the owner alone, of a table `c`. */
const SEARCH_POLICY = `polname = 'search' and not polpermissive and polcmd = 'r' and polroles = array[c.relowner]`;

/** The functions that run as their owner, in the way in which they are harmless. */
const SEARCH_FUNCTION = `p.oid in (to_regprocedure('cloister.search(text, text[], integer)'),
    to_regprocedure('cloister.search_tables(text[], text[], integer)'))
  and p.proowner = (select relowner from pg_class where oid = 'cloister.contacts'::regclass)
  and exists (select from unnest(p.proconfig) s where s like 'search_path=pg_catalog, % pg_temp')
  and not exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a where a.grantee = 0)
  and not exists (select from pg_roles o where o.oid = p.proowner and (o.rolsuper or o.rolbypassrls))`;

/** Each answers with one row for each thing that is wrong: what, and what is wrong with it. */
const TENANT_CHECKS = [
  `select c.relname as what, 'has no tenant_id uuid not null' as fault from house_tables c
   where not exists (select from pg_attribute where attrelid = c.oid and attname = 'tenant_id'
     and atttypid = 'uuid'::regtype and attnotnull)`,

  `select relname as what, 'does not force row-level security' as fault from house_tables
   where not (relrowsecurity and relforcerowsecurity)`,

  `select relname as what, 'has not the one policy of all tables' as fault from house_tables c
   where (select count(*) from pg_policy where polrelid = c.oid and not (${SEARCH_POLICY})) <> 1
     or not exists (select from pg_policy where polrelid = c.oid and polpermissive
       and polcmd = '*' and polroles = '{0}' and pg_get_expr(polqual, polrelid) = $$${POLICY}$$
       and pg_get_expr(polwithcheck, polrelid) = $$${POLICY}$$)`,

  `select i.indexrelid::regclass::text as what, 'is unique beyond one tenant' as fault
   from house_tables c join pg_index i on i.indrelid = c.oid and i.indisunique
   join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
   where i.indkey[0] is distinct from a.attnum`,

  `select f.conname as what, 'can point into another tenant' as fault
   from house_tables c join pg_constraint f on f.conrelid = c.oid and f.contype = 'f'
   where not exists (select from pg_attribute a join pg_attribute b on b.attrelid = f.confrelid
     where a.attrelid = c.oid and a.attname = 'tenant_id' and b.attname = 'tenant_id'
       and f.conkey[1] = a.attnum and f.confkey[1] = b.attnum)`,

  `select c.oid::regclass::text as what, 'is no table: it may show what policies hide' as fault
   from pg_class c where c.relkind in ('v', 'm', 'f') and c.relnamespace = any(house_schemas())`,

  `select p.oid::regprocedure::text as what, 'runs as its owner' as fault
   from pg_proc p where p.prosecdef and p.pronamespace = any(house_schemas()) and not (${SEARCH_FUNCTION})`,

  `select c.oid::regclass::text as what, 'is outside the schema' as fault
   from pg_class c where c.relkind in ('r', 'p') and c.relnamespace = any(house_schemas())
     and c.relnamespace <> 'cloister'::regnamespace`,
];

/** What the run-time role must not have, in a data source and in the registry. */
const ROLE_CHECKS = [
  `select rolname::text as what, 'can step around policies' as fault from pg_roles
   where pg_has_role($1, oid, 'member') and (rolsuper or rolbypassrls or rolcreaterole)`,

  `select classid::regclass::text || ' ' || objid as what, 'belongs to the run-time role' as fault
   from pg_shdepend where deptype = 'o' and refobjid = to_regrole($1)
     and dbid = (select oid from pg_database where datname = current_database())`,

  `select nspname || ' ' || privilege as what, 'is granted to the run-time role' as fault
   from pg_namespace, unnest(array['CREATE']) privilege
   where oid = any(house_schemas()) and has_schema_privilege($1, oid, privilege)`,

  // TRUNCATE knows no policies; REFERENCES and TRIGGER see every row.
  `select c.relname || ' ' || privilege as what, 'is granted to the run-time role' as fault
   from pg_class c, unnest(array['TRUNCATE', 'REFERENCES', 'TRIGGER']) privilege
   where c.relkind in ('r', 'p') and c.relnamespace = any(house_schemas())
     and has_table_privilege($1, c.oid, privilege)`,

  `select c.relname || ' ' || privilege as what, 'is granted to the run-time role' as fault
   from pg_class c, unnest(array['INSERT', 'UPDATE', 'DELETE']) privilege
   where c.relname = any($2) and has_table_privilege($1, c.oid, privilege)`,
];

/** Temporary, hence gone with the connection; they belong to the superuser, who looks on. */
const HELPERS = `
  create function pg_temp.house_schemas() returns oid[] language sql as $$
    select array_agg(oid) from pg_namespace where nspname !~ '^(pg_|information_schema$)'
  $$;
  create temporary view house_tables as
    select * from pg_class where relkind in ('r', 'p')
      and relnamespace = any(pg_temp.house_schemas()) and not relname = any('{${BOOKKEEPING.join(',')}}')`;

async function faultsOf(
  database: TestDatabase,
  checks: readonly string[],
  values: readonly unknown[] = [],
): Promise<string[]> {
  return asSuperuser(database, async (client) => {
    await client.query(HELPERS);
    const faults: string[] = [];
    for (const check of checks) {
      const text = check.replaceAll('house_schemas()', 'pg_temp.house_schemas()');
      const used = values.filter((_, index) => text.includes(`$${index + 1}`));
      const { rows } = await client.query<{ what: string; fault: string }>(text, used);
      faults.push(...rows.map(({ what, fault }) => `${what} ${fault}`));
    }
    return faults.sort();
  });
}

const query = <Row extends object>(database: TestDatabase, text: string): Promise<Row[]> =>
  asSuperuser(database, async (client) => (await client.query<Row>(text)).rows);

async function asSuperuser<T>(
  { superuserUrl }: TestDatabase,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({ connectionString: superuserUrl });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const roleOf = ({ appUrl }: TestDatabase): string => new URL(appUrl).username;
const ownerOf = ({ ownerUrl }: TestDatabase): string => new URL(ownerUrl).username;

let tenants: TestDatabase;
let registry: TestDatabase;
beforeAll(async () => {
  tenants = await cloneDatabase(await testTenantTemplate());
  registry = await cloneDatabase(await testRegistryTemplate());
});
afterAll(async () => {
  await tenants.drop();
  await registry.drop();
});

describe('a tenant data source', () => {
  it('isolates every table, key and reference by tenant, and has nothing that goes around it', async () => {
    expect(await faultsOf(tenants, TENANT_CHECKS)).toEqual([]);
    const [row] = await query<{ count: number }>(
      tenants,
      "select count(*)::int as count from pg_class where relnamespace = 'cloister'::regnamespace and relkind = 'r'",
    );
    expect(row?.count).toBeGreaterThan(kinds.kinds.length);
  });

  it('searches what the kinds say, and nothing else', async () => {
    const rows = await query<{ table: string; parts: number }>(
      tenants,
      `select c.relname as table,
         (select count(*)::int from regexp_matches(pg_get_expr(d.adbin, d.adrelid), 'search_words', 'g')) as parts
       from pg_policy p join pg_class c on c.oid = p.polrelid
       join pg_attribute a on a.attrelid = c.oid and a.attname = 'search_text'
       join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
       where p.polname = 'search' order by 1`,
    );
    const searched = kinds.kinds.flatMap(({ table, search }) =>
      search === undefined ? [] : [{ table, parts: search.length }],
    );
    expect(rows).toEqual(searched.sort((a, b) => a.table.localeCompare(b.table)));
  });

  it('leaves its run-time role nothing but rows', async () => {
    expect(await faultsOf(tenants, ROLE_CHECKS, [roleOf(tenants), BOOKKEEPING])).toEqual([]);
  });

  it('would be caught with a table, key, view or function that does not isolate', async () => {
    const careless = await cloneDatabase(await testTenantTemplate());
    try {
      await query(
        careless,
        `create table cloister.open (id uuid primary key);
         create table cloister.loose (tenant_id uuid not null, id uuid, code text unique,
           account_id uuid, primary key (tenant_id, id));
         alter table cloister.loose enable row level security;
         alter table cloister.loose force row level security;
         create policy everybody on cloister.loose using (true);
         alter table cloister.loose add constraint loose_fkey
           foreign key (account_id, tenant_id) references cloister.accounts (id, tenant_id);
         create view cloister.all_accounts as select * from cloister.accounts;
         create function cloister.peek() returns bigint language sql security definer
           as 'select count(*) from cloister.accounts';
         create policy owners on cloister.products as restrictive for select to current_user using (true);
         drop policy search on cloister.contacts;
         create policy search on cloister.contacts as permissive for select to ${ownerOf(careless)} using (true);
         grant execute on function cloister.search(text, text[], integer) to public;
         alter function cloister.search_tables(text[], text[], integer) reset search_path;
         create table public.elsewhere (like cloister.accounts);
         grant truncate on cloister.accounts to ${roleOf(careless)}`,
      );
      expect(await faultsOf(careless, TENANT_CHECKS)).toEqual([
        'cloister.all_accounts is no table: it may show what policies hide',
        'cloister.loose_code_key is unique beyond one tenant',
        'cloister.peek() runs as its owner',
        'cloister.search(text,text[],integer) runs as its owner',
        'cloister.search_tables(text[],text[],integer) runs as its owner',
        'contacts has not the one policy of all tables',
        'elsewhere does not force row-level security',
        'elsewhere has not the one policy of all tables',
        'elsewhere is outside the schema',
        'loose has not the one policy of all tables',
        'loose_fkey can point into another tenant',
        'open does not force row-level security',
        'open has no tenant_id uuid not null',
        'open has not the one policy of all tables',
        'products has not the one policy of all tables',
      ]);
      expect(await faultsOf(careless, ROLE_CHECKS, [roleOf(careless), BOOKKEEPING])).toEqual([
        'accounts TRUNCATE is granted to the run-time role',
      ]);
    } finally {
      await careless.drop();
    }
  });
});

describe('the registry', () => {
  /** Words that a registry and a CRM both need; none of them holds a tenant's business. */
  const COMMON = ['created_at', 'id', 'name', 'notes', 'status', 'tenant_id', 'updated_at'];

  /** What is called like something of the business and is none of a tenant's, by table. */
  const OWN: Readonly<Record<string, readonly string[]>> = {
    // Operators run the platform and belong to no tenant.
    operators: ['email', 'role', 'last_login_at'],
    data_keys: ['owner_id', 'provider'],
    audit_chain: ['position'],
    audit_head: ['position'],
    audit_checkpoints: ['position'],
    // Of the library that keeps them.
    job: ['started_on'],
    job_default: ['started_on'],
    archive: ['started_on'],
  };
  const TABLES = [
    ...['archive', 'audit_chain', 'audit_checkpoints', 'audit_head', 'audit_log'],
    ...[
      'data_key_renewals',
      'data_keys',
      'data_source_tenants',
      'data_sources',
      'database_servers',
      'email_index',
    ],
    ...['erasures', 'fleet_run_results', 'fleet_runs', 'hostnames', 'job', 'job_default'],
    ...['job_schedules', 'moves', 'operator_sessions', 'operators', 'phone_numbers', 'plans'],
    ...['provisionings', 'queue', 'rate_limits', 'replicas', 'schedule', 'schema_migrations'],
    ...['schema_migrations_lock', 'subscription', 'tenant_requests', 'tenant_usage', 'tenants'],
    ...['usage_due', 'version'],
  ];

  it('has no table and no column of the business', async () => {
    const columns = await query<{ table: string; column: string }>(
      registry,
      `select c.relname as table, a.attname as column
       from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
       join pg_namespace n on n.oid = c.relnamespace
       where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^(pg_|information_schema$)'`,
    );
    const business = new Set(
      kinds.kinds.flatMap(({ fields, parents }) => [
        ...Object.entries(fields).map(([name, field]) => columnOf(name, field)),
        ...parents.map(({ column }) => column),
      ]),
    );
    const shared = columns.filter(
      ({ table, column }) =>
        business.has(column) && !COMMON.includes(column) && OWN[table]?.includes(column) !== true,
    );
    expect(shared).toEqual([]);
    expect([...new Set(columns.map(({ table }) => table))].sort()).toEqual([...TABLES].sort());
  });

  it('leaves its run-time role nothing but rows, and the audit log not even these', async () => {
    const values = [roleOf(registry), [...BOOKKEEPING, 'audit_log', 'audit_chain', 'audit_head']];
    expect(await faultsOf(registry, ROLE_CHECKS, values)).toEqual([]);
  });
});
