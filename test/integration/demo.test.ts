import { Client } from 'pg';
import { makeDemoRecords } from '../../seeds/demo-records';
import { createTenantSeeder } from '../../seeds/tenant-seeder';
import { createAuthService, type AuthService } from '../../src/auth/auth.service';
import { createPasswords } from '../../src/auth/passwords';
import type { Config } from '../../src/config';
import { kinds } from '../../src/crm/kinds';
import { DEMO_PASSWORD, prepareDemo } from '../../src/demo';
import { createEmailRouting } from '../../src/request/create-context';
import { createEmailIndex, createTenantAccess } from '../../src/request/tenant-access';
import { enrolTenant } from '../../src/tenancy/provision';
import { createTenancy, type Tenancy } from '../../src/tenancy/tenancy';
import { cloneDatabase, type TestDatabase } from '../support/databases';
import { fakeMailing } from '../support/fake-tenants';
import { testConfig, testRegistryTemplate, testTenantTemplate } from '../support/world';

const TODAY = new Date('2026-03-04T15:00:00Z');
const SLUGS = ['acme', 'globex', 'initech', 'hooli'] as const;
type Slug = (typeof SLUGS)[number];

/** The server ends the connection at the first opportunity, when half of the records are written. */
const BREAK_DOWN = `
  create function public.break_down() returns trigger language plpgsql security definer as
    'begin perform pg_terminate_backend(pg_backend_pid()); return new; end';
  create trigger break_down before insert on cloister.opportunities
    for each row execute function public.break_down()`;

type Contents = Record<string, string[]>;

/** What follows from the seed and the day alone. */
const OWN_COLUMNS = `to_jsonb(t) - array(select key from jsonb_each(to_jsonb(t))
  where key ~ '(^|_)id$|^(created|updated)_|^password_hash$')`;

interface Demo {
  readonly config: Config;
  readonly tenancy: Tenancy;
  prepare(today?: Date): Promise<void>;
  /** Rows of a tenant's own database as the superuser sees them. */
  sql<Row>(slug: Slug, text: string, values?: unknown[]): Promise<Row[]>;
  /** Of each record of a tenant, by kind, its external id and more: its name unless told. */
  contents(slug: Slug, columns?: string): Promise<Contents>;
  contentsOfAll(columns?: string): Promise<Contents[]>;
  close(): Promise<void>;
}

async function run<Row>(url: string, text: string, values: unknown[] = []): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text, values)).rows as Row[];
  } finally {
    await client.end();
  }
}

async function createDemo(): Promise<Demo> {
  const schema = await testTenantTemplate();
  const registry = await cloneDatabase(await testRegistryTemplate());
  const shared = await cloneDatabase(schema);
  const initech = await cloneDatabase(schema);
  const hooli = await cloneDatabase(schema);
  const config = testConfig(registry);
  const tenancy = createTenancy(config, { listen: false });
  const urls = ({ appUrl, ownerUrl }: TestDatabase) => ({ url: appUrl, migrationUrl: ownerUrl });
  const databases = { acme: shared, globex: shared, initech, hooli };
  const sql = <Row>(slug: Slug, text: string, values?: unknown[]) =>
    run<Row>(databases[slug].superuserUrl, text, values);
  const demo: Demo = {
    config,
    tenancy,
    sql,
    prepare: (today = TODAY) =>
      prepareDemo(
        config,
        { shared: urls(shared), initech: urls(initech), hooli: urls(hooli) },
        () => undefined,
        { today },
      ),
    async contents(slug, columns = "to_jsonb(t) ->> 'name'") {
      const lists = kinds.kinds.map(
        ({ table, plural }) =>
          `select '${plural}' as kind, concat_ws(' ', t.external_id, ${columns}) as line
           from cloister.${table} t join cloister.tenants using (tenant_id) where slug = $1`,
      );
      const contents: Contents = {};
      const text = `${lists.join(' union all ')} order by kind, line`;
      for (const { kind, line } of await sql<{ kind: string; line: string }>(slug, text, [slug])) {
        (contents[kind] ??= []).push(line);
      }
      return contents;
    },
    contentsOfAll: (columns) => Promise.all(SLUGS.map((slug) => demo.contents(slug, columns))),
    async close() {
      await tenancy.close();
      for (const database of [registry, shared, initech, hooli]) await database.drop();
    },
  };
  return demo;
}

describe('the demo', () => {
  let demo: Demo;
  let auth: AuthService;
  /** As seeded, before any test has changed a thing. */
  let names: Contents[];
  let values: Contents[];

  beforeAll(async () => {
    demo = await createDemo();
    await demo.prepare();
    names = await demo.contentsOfAll();
    values = await demo.contentsOfAll(OWN_COLUMNS);
    auth = createAuthService({
      config: demo.config.auth,
      emailIndex: createEmailIndex(demo.tenancy),
      access: createTenantAccess(demo.tenancy),
      refusalBeatMs: 1,
      ...fakeMailing(),
    });
  });
  afterAll(() => demo.close());

  const logIn = (email: string) =>
    auth.login({
      email,
      password: DEMO_PASSWORD,
      client: { ip: '192.0.2.1', userAgent: 'test' },
    });

  it.each(SLUGS)('gives %s a few hundred records, some of each kind', (slug) => {
    const contents = names[SLUGS.indexOf(slug)] ?? {};
    const counts = Object.values(contents).map((records) => records.length);
    expect(Object.keys(contents)).toHaveLength(kinds.kinds.length);
    expect(Math.min(...counts)).toBeGreaterThanOrEqual(7);
    const total = counts.reduce((sum, count) => sum + count, 0);
    expect(total).toBeGreaterThan(300);
    expect(total).toBeLessThan(1000);
  });

  it.each(SLUGS)('gives %s a pipeline that is alive on the day of seeding', async (slug) => {
    const [row] = await demo.sql(
      slug,
      `with mine as (select tenant_id from cloister.tenants where slug = $1)
       select
         (select count(distinct stage)::int from cloister.opportunities natural join mine) as stages,
         (select count(*) > 0 from cloister.opportunities natural join mine
           where is_closed and close_date > $2) as "closedInFuture",
         (select count(*) > 0 from cloister.opportunities natural join mine
           where not is_closed and close_date <= $2) as "openInPast",
         (select count(*) >= 10 from cloister.events natural join mine where starts_at > $2) as coming,
         (select count(*) > 0 from cloister.event_dates natural join mine
           where extract(isodow from starts_at) > 5) as "atWeekends",
         (select count(*) > 0 from cloister.event_dates natural join mine where event_id is null) as "ownDates",
         (select count(*) > 0 from cloister.accounts natural join mine where parent_id is not null) as subsidiaries,
         (select count(*) > 0 from cloister.contacts natural join mine where reports_to_id is not null) as reports,
         (select count(*)::int from cloister.opportunities o natural join mine where amount is distinct from
           (select sum(total_price) from cloister.opportunity_line_items i
            where i.tenant_id = o.tenant_id and i.opportunity_id = o.id)) as "wrongAmounts"`,
      [slug, TODAY],
    );
    expect(row).toEqual({
      stages: 7,
      closedInFuture: false,
      openInPast: false,
      coming: true,
      atWeekends: false,
      ownDates: true,
      subsidiaries: true,
      reports: true,
      wrongAmounts: 0,
    });
  });

  it('gives each tenant companies of its own', () => {
    const companies = names.flatMap(({ accounts = [] }) =>
      accounts.map((line) => line.split(' ').slice(1).join(' ')),
    );
    expect(companies.length).toBeGreaterThan(100);
    expect(new Set(companies).size).toBe(companies.length);
  });

  it('lets three users of each tenant sign in, each in the role of its name', async () => {
    const roles = ['admin', 'member', 'reader'];
    for (const slug of SLUGS) {
      for (const role of roles) {
        expect(await logIn(`${role}@${slug}.test`)).toMatchObject({
          kind: 'signedIn',
          session: { tenant: { slug }, user: { role } },
        });
      }
    }
  });

  it('lets the agency choose between acme and initech', async () => {
    const outcome = await logIn('agency@example.test');
    expect(outcome).toMatchObject({ kind: 'chooseTenant' });
    const slugs = 'tenants' in outcome ? outcome.tenants.map(({ slug }) => slug) : [];
    expect(slugs.sort()).toEqual(['acme', 'initech']);
  });

  it('leaves everything as it is at later starts, also what users have changed and deleted', async () => {
    await demo.sql(
      'acme',
      `update cloister.accounts set name = 'Changed' where external_id = 'demo:account:1'`,
    );
    await demo.sql(
      'hooli',
      `update cloister.products set deleted_at = now() where external_id = 'demo:product:1'`,
    );
    const before = await demo.contentsOfAll('md5(t::text)');
    await demo.prepare(new Date('2026-03-09T08:00:00Z'));
    expect(await demo.contentsOfAll('md5(t::text)')).toEqual(before);
  });

  it('gives users no password when none is given', async () => {
    const { tenancy, config } = demo;
    const dataSource = await tenancy.registry.findDataSourceByName('shared-1');
    const id = await enrolTenant(tenancy, {
      slug: 'umbrella',
      name: 'Umbrella',
      dataSourceId: dataSource?.id ?? '',
    });
    const tenant = await tenancy.registry.findTenant(id);
    if (tenant === undefined) throw new Error('Expected the tenant that was enrolled.');
    const seed = createTenantSeeder({
      tenancy,
      passwords: createPasswords(),
      emailRoutingOf: createEmailRouting(tenancy, config.auth.emailIndexKey),
    });
    // Twice at once, as two operators would: both come to the same records.
    const [seeded] = await Promise.all([seed(tenant), seed(tenant)]);
    expect(seeded?.get('users')).toBe(7);
    const rows = await demo.sql(
      'acme',
      'select count(*)::int as users, count(password_hash)::int as passwords from cloister.users where tenant_id = $1',
      [id],
    );
    expect(rows).toEqual([{ users: 7, passwords: 0 }]);
    await expect(logIn('admin@umbrella.test')).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  it('makes the same records of a tenant whether alone or at once with others', async () => {
    const make = (slug: Slug) => makeDemoRecords({ slug, today: TODAY });
    const alone = await make('acme');
    const [together] = await Promise.all([make('acme'), make('globex')]);
    expect(together).toEqual(alone);
  });

  describe('beside another', () => {
    let other: Demo;
    beforeEach(async () => {
      other = await createDemo();
    });
    afterEach(() => other.close());

    it('has the same records when seeded on the same day', async () => {
      await other.prepare();
      expect(await other.contentsOfAll(OWN_COLUMNS)).toEqual(values);
    });

    it('has the same names and other dates when seeded on another day', async () => {
      await other.prepare(new Date('2027-01-01T00:00:00Z'));
      expect(await other.contentsOfAll()).toEqual(names);
      expect(await other.contentsOfAll(OWN_COLUMNS)).not.toEqual(values);
    });

    it('has the same records when its seeding was cut off half-way and begun again', async () => {
      await other.sql('acme', BREAK_DOWN);
      await expect(other.prepare()).rejects.toMatchObject({ code: 'TENANT_UNAVAILABLE' });
      expect(await other.contents('acme')).toEqual({});
      await other.sql('acme', 'drop trigger break_down on cloister.opportunities');
      await other.prepare();
      expect(await other.contentsOfAll(OWN_COLUMNS)).toEqual(values);
    });
  });
});
