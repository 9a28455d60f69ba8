/**
 * What the registry is asked for does not grow with the number of tenants: rows that its statements
 * look at are counted among some thousands, most of which nobody uses.
 */
import { Client } from 'pg';
import { uuidv7 } from 'uuidv7';
import { chooseDataSource } from '../../src/platform/provisioning/choose-place';
import { measureDue } from '../../src/platform/plans/measure-due';
import { KEEP_REQUESTS_DAYS, pruneRequests } from '../../src/platform/plans/prune-requests';
import { createTenantPlans } from '../../src/platform/plans/tenant-plans';
import { addRequests } from '../../src/platform/plans/usage.store';
import { moveTenant } from '../../src/tenancy/move/move-tenant';
import type { TenantRow } from '../../src/tenancy/registry.store';
import { createWorld, type World } from '../support/world';

const MANY = 20_000;

let world: World;
let shared: string;
/** What the registry was asked, with the rows that it answered. */
let asked: { readonly sql: string; readonly bindings: unknown[]; readonly rows: number }[] = [];

beforeAll(async () => {
  world = await createWorld();
  const { registryDb, registry } = world.application.tenancy;
  shared = (await registry.findDataSourceByName('shared'))?.id ?? '';
  // All triggers but that of the audit log, which has a test of its own.
  await sql('alter table registry.tenants disable trigger audit');
  await sql(
    `insert into registry.tenants (id, slug, name, data_source_id, tenant_id_in_data_source)
     select id, 'many-' || n, 'Many', $1, id from (select n, gen_random_uuid() as id from generate_series(1, $2::int) n) made`,
    [shared, MANY],
  );
  await sql('alter table registry.tenants enable trigger audit');
  await sql('analyze registry.tenants, registry.usage_due');
  registryDb.on('query-response', (response: unknown, { sql: text, bindings }: Asked) => {
    const rows = Array.isArray(response)
      ? response.length
      : ((response as { rows?: unknown[] }).rows?.length ?? 0);
    asked.push({ sql: text, bindings, rows });
  });
});
beforeEach(() => {
  asked = [];
});
afterAll(() => world.close());

interface Asked {
  readonly sql: string;
  readonly bindings: unknown[];
}
interface Plan {
  readonly 'Node Type': string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly Plan[];
}

const sql = <Row = Record<string, unknown>>(text: string, values?: unknown[]): Promise<Row[]> =>
  world.sql<Row>(world.registry, text, values);

/** Rows that the scans of a statement come by; what it changes is undone. */
async function rowsLookedAt({ sql: text, bindings }: Asked): Promise<number> {
  const client = new Client({ connectionString: world.registry.appUrl });
  await client.connect();
  try {
    await client.query('begin'); // never committed
    const { rows } = await client.query<{ 'QUERY PLAN': readonly { Plan: Plan }[] }>(
      `explain (analyze, format json) ${text}`,
      bindings,
    );
    const count = (plan: Plan): number =>
      (plan['Node Type'].includes('Scan')
        ? (plan['Actual Rows'] + (plan['Rows Removed by Filter'] ?? 0)) * plan['Actual Loops']
        : 0) + (plan.Plans ?? []).reduce((sum, child) => sum + count(child), 0);
    return (rows[0]?.['QUERY PLAN'] ?? []).reduce((sum, { Plan }) => sum + count(Plan), 0);
  } finally {
    await client.end();
  }
}

describe('a placement', () => {
  const known = () =>
    sql(
      `select d.name, coalesce(k.tenants, 0)::int as known,
         (select count(*)::int from registry.tenants t where t.data_source_id = d.id) as counted
       from registry.data_sources d left join registry.data_source_tenants k on k.data_source_id = d.id order by 1`,
    );
  const expectRight = async () => {
    for (const { name, known: number, counted } of await known()) {
      expect({ name, number }).toEqual({ name, number: counted });
    }
  };

  it('knows how many tenants each data source has, however they come, move and go', async () => {
    await expectRight();
    const { registry } = world.application.tenancy;
    const dedicated = (await registry.findDataSourceByName('dedicated'))?.id;
    await sql(
      "update registry.tenants set data_source_id = $1 where slug in ('many-1', 'many-2')",
      [dedicated],
    );
    await expectRight();
    await sql("update registry.tenants set data_source_id = null where slug = 'many-1'");
    await expectRight();
    await sql("update registry.tenants set data_source_id = $1 where slug = 'many-1'", [shared]);
    await sql("update registry.tenants set data_source_id = $1 where slug = 'many-2'", [shared]);
    await sql("delete from registry.tenants where slug in ('many-3', 'many-4')");
    await expectRight();
    expect((await known()).find(({ name }) => name === 'shared')).toMatchObject({
      known: MANY, // two are gone, and two were there
    });
  });

  it('looks at the data sources that are shared and at no tenant', async () => {
    const { registryDb } = world.application.tenancy;
    const chosen = await registryDb.transaction((trx) => chooseDataSource(trx, 'default'));
    expect(chosen).toBe(shared);
    const choice = asked.find(({ sql: text }) => text.includes('registry.data_sources'));
    expect(await rowsLookedAt(choice as Asked)).toBeLessThan(20);
  });

  it('prefers the emptier one', async () => {
    const { registryDb } = world.application.tenancy;
    const other = uuidv7();
    await sql(
      `insert into registry.data_sources (id, name, placement, url_sealed) select $1, 'zz-empty', 'shared', url_sealed from registry.data_sources where id = $2`,
      [other, shared],
    );
    const choose = () => registryDb.transaction((trx) => chooseDataSource(trx, 'default'));
    expect(await choose()).toBe(other);
    await sql('update registry.data_sources set max_tenants = 1 where id = $1', [other]);
    await sql("update registry.tenants set data_source_id = $1 where slug = 'many-9'", [other]);
    expect(await choose()).toBe(shared);
    await sql('update registry.tenants set data_source_id = $1 where data_source_id = $2', [
      shared,
      other,
    ]);
    await sql('delete from registry.data_sources where id = $1', [other]);
  });
});

describe('a move', () => {
  it('asks for who is in the way, and for nobody else', async () => {
    const { tenancy } = world.application;
    const { alpha, gamma } = world.tenants;
    const target = await tenancy.registry.findDataSourceByName('dedicated');
    await expect(
      moveTenant(tenancy, {
        tenantId: alpha.id,
        actor: 'test',
        targetDataSourceId: target?.id ?? '',
      }),
    ).rejects.toThrow(`the tenant "${gamma.slug}" has it`);
    await expect(
      moveTenant(tenancy, {
        tenantId: gamma.id,
        actor: 'test',
        targetDataSourceId: shared,
        tenantIdInDataSource: alpha.localTenantId,
      }),
    ).rejects.toThrow(`the tenant "${alpha.slug}" has it`);
    expect(asked.filter(({ sql: text }) => text.includes('tenants'))).not.toEqual([]);
    expect(Math.max(...asked.map(({ rows }) => rows))).toBeLessThan(20);
    for (const statement of asked.filter(({ sql: text }) => /^select.*"tenants"/.test(text))) {
      expect(await rowsLookedAt(statement)).toBeLessThan(20);
    }
  });
});

describe('counts of requests', () => {
  const count = (days: number, slugs: string) =>
    sql(
      `insert into registry.tenant_requests (tenant_id, day, requests)
       select id, (now() at time zone 'UTC')::date - $1::int, 1 from registry.tenants where slug like $2`,
      [days, slugs],
    );
  const kept = () =>
    sql<{ age: number; tenants: number }>(
      `select ((now() at time zone 'UTC')::date - day)::int as age, count(*)::int as tenants
       from registry.tenant_requests where requests = 1 group by 1 order by 1`,
    );

  it('are removed when nobody needs them any more, without a look at the others', async () => {
    await count(1, 'many-%');
    await count(KEEP_REQUESTS_DAYS, 'many-1');
    await count(KEEP_REQUESTS_DAYS + 1, 'many-11_');
    await count(KEEP_REQUESTS_DAYS + 40, 'many-12_');
    await sql('analyze registry.tenant_requests');
    const before = await kept();
    const { tenancy } = world.application;
    expect(await pruneRequests(tenancy, { rowsAtOnce: 8 })).toBe(20);
    expect(await kept()).toEqual(before.filter(({ age }) => age <= KEEP_REQUESTS_DAYS));
    const removals = asked.filter(({ sql: text }) => text.includes('tenant_requests'));
    expect(removals).toHaveLength(3); // of 8, of 8 and of the rest
    await count(KEEP_REQUESTS_DAYS + 1, 'many-11_');
    // Found by the index, and deleted where it says that they are.
    for (const statement of removals) expect(await rowsLookedAt(statement)).toBeLessThan(20);
    expect(await pruneRequests(tenancy)).toBe(10);
  });

  it('are no longer removed once the round is to end', async () => {
    await count(KEEP_REQUESTS_DAYS + 2, 'many-13_');
    const signal = AbortSignal.abort(new Error('the process stops'));
    await expect(pruneRequests(world.application.tenancy, { signal })).rejects.toThrow('stops');
    expect(asked).toEqual([]);
  });
});

describe('measuring', () => {
  let measured: string[];
  const measure = (failing: (tenant: TenantRow) => boolean = () => false) => {
    measured = [];
    return (tenant: TenantRow): Promise<void> => {
      if (failing(tenant)) return Promise.reject(new Error('its data source is down'));
      measured.push(tenant.id);
      return Promise.resolve();
    };
  };
  const round = (
    ...more: Parameters<typeof measureDue> extends [unknown, ...infer R] ? R : never
  ) => measureDue(world.application.tenancy, ...more);
  const dueNow = async (): Promise<number> =>
    (await sql('select from registry.usage_due where due_at <= now()')).length;
  /** As after some time. */
  const allDue = () => sql("update registry.usage_due set due_at = now() - interval '1 minute'");

  it('comes by every tenant in service once, and then by nobody', async () => {
    const inService = await sql<{ id: string }>(
      "select id from registry.tenants where status in ('trial', 'active') and data_source_id is not null",
    );
    expect(await round(measure())).toBe(inService.length);
    expect([...measured].sort()).toEqual(inService.map(({ id }) => id).sort());
    expect(await round(measure())).toBe(0);
    expect(await dueNow()).toBe(0);
  });

  it('goes on in the next round where this one was ended', async () => {
    await allDue();
    const all = await dueNow();
    const ending = new AbortController();
    const first = measure();
    const done = await round(
      (tenant) => {
        if (measured.length === 150) ending.abort();
        return first(tenant);
      },
      { batchSize: 100, signal: ending.signal },
    );
    expect(done).toBeLessThan(160);
    const before = [...measured];
    // What was taken and not measured is due again in a while; as then:
    await sql(
      "update registry.usage_due set due_at = now() where due_at < now() + interval '1 hour'",
    );
    expect(await round(measure())).toBe(all - done);
    expect(measured.filter((id) => before.includes(id))).toEqual([]);
  });

  it('ends in time, and looks at no more than it takes', async () => {
    await allDue();
    await sql('vacuum analyze registry.usage_due');
    expect(await round(measure(), { batchSize: 10, forMs: 0 })).toBe(10);
    for (const statement of asked) expect(await rowsLookedAt(statement)).toBeLessThan(50);
    expect(asked.length).toBeLessThan(5);
  });

  it('lets nobody wait for those whose data source is down', async () => {
    await allDue();
    await sql(
      "update registry.usage_due set due_at = now() - interval '1 day' from registry.tenants t where t.id = tenant_id and t.slug like 'many-1%'",
    );
    const isDown = ({ slug }: TenantRow) => slug.startsWith('many-1');
    const all = await dueNow();
    const down = (await sql("select from registry.tenants where slug like 'many-1%'")).length;
    expect(down).toBeGreaterThan(10_000);
    expect(await round(measure(isDown), { batchSize: 1000 })).toBe(all - down);
    // They come up again within the hour, the others tomorrow.
    const soon = await sql(
      "select from registry.usage_due where due_at between now() and now() + interval '1 hour'",
    );
    expect(soon).toHaveLength(down);
  });

  it('comes again soon after a tenant was used, also while it was being measured', async () => {
    const { alpha, beta } = world.tenants;
    const { registryDb } = world.application.tenancy;
    await allDue();
    await round(measure());
    const today = new Date().toISOString().slice(0, 10);
    const minutesUntil = async (id: string): Promise<number> => {
      const [row] = await sql<{ minutes: number }>(
        'select extract(epoch from due_at - now())::float / 60 as minutes from registry.usage_due where tenant_id = $1',
        [id],
      );
      return row?.minutes ?? NaN;
    };
    expect(await minutesUntil(alpha.id)).toBeGreaterThan(23 * 60);
    await addRequests(registryDb, today, new Map([[alpha.id, 3]]));
    expect(await minutesUntil(alpha.id)).toBeLessThan(6);
    expect(await minutesUntil(beta.id)).toBeGreaterThan(23 * 60);
    await sql('update registry.usage_due set due_at = now() where tenant_id = $1', [alpha.id]);
    const count = measure();
    await round(async (tenant) => {
      await addRequests(registryDb, today, new Map([[tenant.id, 1]]));
      await count(tenant);
    });
    expect(measured).toEqual([alpha.id]);
    expect(await minutesUntil(alpha.id)).toBeLessThan(6);
  });

  it('leaves out who is out of service, until that ends', async () => {
    const { alpha } = world.tenants;
    const isWaiting = async () =>
      (await sql('select from registry.usage_due where tenant_id = $1', [alpha.id])).length === 1;
    await allDue();
    await sql("update registry.tenants set status = 'suspended' where id = $1", [alpha.id]);
    await round(measure());
    expect(measured).not.toContain(alpha.id);
    expect(await isWaiting()).toBe(false);
    await sql("update registry.tenants set status = 'active' where id = $1", [alpha.id]);
    expect(await isWaiting()).toBe(true);
    await round(measure());
    expect(measured).toEqual([alpha.id]);
  });

  it('writes down what there is', async () => {
    const { alpha } = world.tenants;
    await sql('delete from registry.usage_due where tenant_id <> $1', [alpha.id]);
    await sql('update registry.usage_due set due_at = now()');
    const plans = createTenantPlans(world.application.tenancy);
    expect(await plans.measureUsage()).toBe(1);
    await plans.close();
    const rows = await sql('select tenant_id as id, users::int from registry.tenant_usage');
    expect(rows).toEqual([{ id: alpha.id, users: 3 }]);
  });
});
