/**
 * Plans that Postgres keeps. A prepared statement is planned anew for each execution as long as the plan
 * that fits all values looks dearer than those made for single ones; planning then costs more than
 * what is planned.
 */
import { apiOf } from '../support/api';
import { createWorld, type World } from '../support/world';

/** Postgres decides after the fifth. */
const TIMES = 12;

interface Prepared {
  readonly statement: string;
  readonly generic: number;
}

describe('the plan of a hot statement', () => {
  let world: World;
  let accountId: string;

  beforeAll(async () => {
    world = await createWorld();
    const { localTenantId, database } = world.tenants.alpha;
    await world.sql(
      database,
      `insert into cloister.accounts (tenant_id, id, name)
       select $1, gen_random_uuid(), 'Account ' || n from generate_series(1, 5000) n`,
      [localTenantId],
    );
    await world.sql(database, 'analyze cloister.accounts');
    ({ id: accountId } = await apiOf(world).create('Account', { name: 'One' }));
  });
  afterAll(() => world.close());

  /** One request after another takes the same connection, whose statements these are. */
  async function prepared(part: string): Promise<readonly Prepared[]> {
    const { registry, openSession } = world.application.tenancy;
    const tenant = await registry.findTenant(world.tenants.alpha.id);
    if (tenant === undefined) throw new Error('Expected the tenant alpha.');
    const session = openSession(tenant);
    const found = await session.query<Prepared>({
      text: 'select statement, generic_plans::int as generic from pg_prepared_statements',
      values: [],
    });
    await session.end();
    return found.filter(({ statement }) => statement.includes(part));
  }

  async function repeat(query: string, variables?: object): Promise<void> {
    for (let time = 0; time < TIMES; time += 1) await apiOf(world).ask(query, { ...variables });
  }

  it('is kept for a record by its id', async () => {
    await repeat('query ($id: ID!) { account(id: $id) { name } }', { id: accountId });
    const [byId] = await prepared('t.id = $2::uuid');
    expect(byId?.generic).toBeGreaterThan(0);
  });

  it('is kept for a page', async () => {
    await repeat('{ accounts(first: 7) { nodes { name } } }');
    const [page] = await prepared('limit 7');
    expect(page?.generic).toBeGreaterThan(0);
  });

  it('of a new record looks its parents up by their keys', async () => {
    await apiOf(world).create('Contact', { lastName: 'First', accountId });
    const insert = world.statements.find(({ text }) =>
      text.includes('insert into cloister.contacts'),
    );
    if (insert === undefined) throw new Error('Expected the statement of a create.');
    const literals = insert.values.map((value) =>
      value === null ? 'null' : `'${(value as string).replaceAll("'", "''")}'`,
    );
    const text = insert.text.replace(
      /\$(\d+)/g,
      (_all, place) => literals[Number(place) - 1] ?? '',
    );
    const rows = await world.sql<{ 'QUERY PLAN': string }>(
      world.tenants.alpha.database,
      `explain ${text}`,
    );
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
    expect(plan).toContain('Index');
    expect(plan).not.toMatch(/hashed SubPlan/);
  });
});
