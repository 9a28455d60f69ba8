/** What the database itself refuses, whatever the code above it asks: tried as the run-time role. */
import { Client, type DatabaseError } from 'pg';
import { uuidv7 } from 'uuidv7';
import { buildCrmSchema } from '../../src/crm/crm-schema';
import { checksumsOf, markTenant, tenantTables } from '../support/watermark';
import { createWorld, type World } from '../support/world';

const INSUFFICIENT_PRIVILEGE = '42501';
const FOREIGN_KEY = '23503';
const SET_TENANT = "select set_config('app.tenant_id', $1, true)";

interface Reference {
  readonly table: string;
  readonly column: string;
  readonly parent: string;
}

describe('row-level security', () => {
  let world: World;
  let app: Client;
  let tables: string[];
  let references: Reference[];
  let alphaId: string;
  let betaId: string;
  beforeAll(async () => {
    const [made, schema] = await Promise.all([createWorld(), buildCrmSchema()]);
    world = made;
    await Promise.all([markTenant(world, schema, 'alpha'), markTenant(world, schema, 'beta')]);
    const { alpha, beta } = world.tenants;
    alphaId = alpha.localTenantId;
    betaId = beta.localTenantId;
    tables = await tenantTables(world, alpha.database);
    references = await findReferences();
    app = new Client({ connectionString: alpha.database.appUrl });
    await app.connect();
  });
  afterEach(() => app.query('rollback'));
  afterAll(async () => {
    await app.end();
    await world.close();
  });

  const findReferences = (): Promise<Reference[]> =>
    world.sql<Reference>(
      world.tenants.alpha.database,
      `select f.conrelid::regclass::text as "table", a.attname::text as "column", f.confrelid::regclass::text as parent
       from pg_constraint f join pg_attribute a on a.attrelid = f.conrelid and a.attnum = any(f.conkey) and a.attname <> 'tenant_id'
       where f.contype = 'f' and f.connamespace = 'cloister'::regnamespace order by 1, 2`,
    );

  const countsOf = async (client: Client): Promise<Record<string, number>> => {
    const counts: Record<string, number> = {};
    for (const table of tables) {
      const { rows } = await client.query<{ count: number }>(
        `select count(*)::int as count from cloister.${table}`,
      );
      counts[table] = rows[0]?.count ?? -1;
    }
    return counts;
  };
  const nothing = () => Object.fromEntries(tables.map((table) => [table, 0]));
  const rowsOf = (table: string, tenantId: string): Promise<Record<string, unknown>[]> =>
    world.sql(
      world.tenants.alpha.database,
      `select * from cloister.${table} where tenant_id = $1`,
      [tenantId],
    );
  const beginAs = async (tenantId: string): Promise<void> => {
    await app.query('begin');
    await app.query(SET_TENANT, [tenantId]);
  };
  /** Error of a statement, which does not end the transaction around it. */
  const refusalOf = async (text: string, values: unknown[]): Promise<DatabaseError | undefined> => {
    await app.query('savepoint attempt');
    try {
      await app.query(text, values);
      return undefined;
    } catch (error) {
      return error as DatabaseError;
    } finally {
      await app.query('rollback to savepoint attempt');
    }
  };
  const insertable = async (table: string): Promise<string> => {
    const columns = await world.sql<{ name: string }>(
      world.tenants.alpha.database,
      `select quote_ident(attname) as name from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = ''`,
      [`cloister.${table}`],
    );
    const list = columns.map(({ name }) => name).join(', ');
    return `insert into cloister.${table} (${list}) select ${list} from jsonb_populate_record(null::cloister.${table}, $1)`;
  };
  /** A row as the database would write it as JSON, with other values in some columns. */
  const asJson = async (table: string, tenantId: string, change: object): Promise<string> => {
    const [row] = await world.sql<{ json: object }>(
      world.tenants.alpha.database,
      `select to_jsonb(t) as json from cloister.${table} t where tenant_id = $1 limit 1`,
      [tenantId],
    );
    return JSON.stringify({ ...row?.json, ...change });
  };

  it('is tried on tables that hold rows of both tenants', async () => {
    for (const table of tables) {
      expect([
        table,
        (await rowsOf(table, alphaId)).length > 0,
        (await rowsOf(table, betaId)).length > 0,
      ]).toEqual([table, true, true]);
    }
    expect(tables.length).toBeGreaterThan(10);
    expect(references.length).toBeGreaterThan(15);
  });

  it('shows no row, and no error, while no tenant is set', async () => {
    expect(await countsOf(app)).toEqual(nothing());
  });

  it('takes no row while no tenant is set', async () => {
    await app.query('begin');
    for (const table of tables) {
      const refusal = await refusalOf(await insertable(table), [
        await asJson(table, betaId, { id: uuidv7() }),
      ]);
      expect([table, refusal?.code]).toEqual([table, INSUFFICIENT_PRIVILEGE]);
    }
  });

  it('shows a tenant all of its own rows and no other', async () => {
    await beginAs(alphaId);
    for (const table of tables) {
      const { rows } = await app.query<{ tenant_id: string }>(
        `select tenant_id from cloister.${table}`,
      );
      expect(new Set(rows.map(({ tenant_id }) => tenant_id))).toEqual(new Set([alphaId]));
      expect(rows).toHaveLength((await rowsOf(table, alphaId)).length);
    }
  });

  it.each(['commit', 'rollback'])('shows nothing on the same connection after %s', async (end) => {
    await beginAs(alphaId);
    await app.query(end);
    expect(await countsOf(app)).toEqual(nothing());
  });

  it('shows nothing on the same connection after a statement has failed', async () => {
    await beginAs(alphaId);
    await expect(app.query('select 1 / 0')).rejects.toThrow('division by zero');
    await app.query('rollback');
    expect(await countsOf(app)).toEqual(nothing());
  });

  it('judges a prepared statement by the tenant it is run for, not the one it was prepared for', async () => {
    const prepared = {
      name: 'everybody',
      text: 'select distinct tenant_id from cloister.accounts',
    };
    // After five runs Postgres may settle on one plan for all.
    for (let run = 0; run < 8; run += 1) {
      for (const tenantId of [alphaId, betaId]) {
        await beginAs(tenantId);
        expect((await app.query(prepared)).rows).toEqual([{ tenant_id: tenantId }]);
        await app.query('commit');
      }
    }
    expect((await app.query(prepared)).rows).toEqual([]);
  });

  it('cannot be switched off by the run-time role', async () => {
    await beginAs(alphaId);
    await app.query('set local row_security = off');
    for (const table of tables) {
      expect((await refusalOf(`select 1 from cloister.${table}`, []))?.code).toBe(
        INSUFFICIENT_PRIVILEGE,
      );
    }
    const owner = new URL(world.tenants.alpha.database.ownerUrl).username;
    expect((await refusalOf(`set local role ${owner}`, []))?.code).toBe(INSUFFICIENT_PRIVILEGE);
  });

  it('changes and deletes no row of another tenant', async () => {
    const before = await checksumsOf(world, 'beta');
    await beginAs(alphaId);
    for (const table of tables) {
      const update = await app.query(
        `update cloister.${table} set tenant_id = tenant_id where tenant_id = $1`,
        [betaId],
      );
      const removal = await app.query(`delete from cloister.${table} where tenant_id = $1`, [
        betaId,
      ]);
      expect([table, update.rowCount, removal.rowCount]).toEqual([table, 0, 0]);
    }
    await app.query('commit');
    expect(await checksumsOf(world, 'beta')).toEqual(before);
  });

  it('lets no row into another tenant, new or moved, and does not say whether one is there', async () => {
    await beginAs(alphaId);
    for (const table of tables) {
      const insert = await insertable(table);
      const taken = await refusalOf(insert, [await asJson(table, betaId, {})]);
      const free = await refusalOf(insert, [await asJson(table, betaId, { id: uuidv7() })]);
      expect([table, taken?.code, taken?.message]).toEqual([
        table,
        INSUFFICIENT_PRIVILEGE,
        free?.message,
      ]);
      const moved = await refusalOf(`update cloister.${table} set tenant_id = $1`, [betaId]);
      expect([table, moved?.code]).toEqual([table, INSUFFICIENT_PRIVILEGE]);
    }
  });

  it('takes no reference to a record of another tenant, whose id is refused as one that nobody has', async () => {
    await beginAs(alphaId);
    for (const { table, column, parent } of references) {
      const [foreign] = await rowsOf(parent.replace('cloister.', ''), betaId);
      const refer = `update ${table} set ${column} = $1`;
      const refusals = [];
      for (const id of [foreign?.['id'] as string, uuidv7()]) {
        const refusal = await refusalOf(refer, [id]);
        refusals.push({
          code: refusal?.code,
          message: refusal?.message,
          detail: refusal?.detail?.replaceAll(id, 'id'),
        });
      }
      expect([table, column, refusals[0]]).toEqual([table, column, refusals[1]]);
      expect([table, column, refusals[0]?.code]).toEqual([table, column, FOREIGN_KEY]);
    }
  });

  it('takes every value that another tenant has, even where it is unique', async () => {
    await beginAs(alphaId);
    // The list of tenants has a row for each, whose id is its key.
    for (const table of tables.filter((name) => name !== 'tenants')) {
      const [own] = await rowsOf(table, alphaId);
      const columns = references
        .filter((reference) => reference.table === `cloister.${table}`)
        .map(({ column }) => column);
      const parents = Object.fromEntries(columns.map((column) => [column, own?.[column] ?? null]));
      // Of what a parent has one of, its own makes room.
      if (table === 'user_totp') await app.query('delete from cloister.user_totp');
      const copy = await asJson(table, betaId, { ...parents, tenant_id: alphaId });
      const refusal = await refusalOf(await insertable(table), [copy]);
      expect([table, refusal?.message]).toEqual([table, undefined]);
    }
  });
});
