import { Client } from 'pg';
import { uuidv7 } from 'uuidv7';
import { cloneDatabase, type TestDatabase } from '../support/databases';
import { testRegistryTemplate } from '../support/world';

interface Entry {
  readonly actor: string | null;
  readonly database_role: string;
  readonly table_name: string;
  readonly operation: string;
  readonly before: Record<string, unknown> | null;
  readonly after: Record<string, unknown> | null;
}

const SEALED = 'v1.k1.bm9uY2U.dGFn.c2VjcmV0LWNpcGhlcnRleHQ';

describe('the registry’s audit log', () => {
  let registry: TestDatabase;
  let app: Client;
  let owner: Client;
  const id = uuidv7();

  const entriesOf = async (rowId: string): Promise<Entry[]> =>
    (
      await app.query<Entry>('select * from registry.audit_log where row_id = $1 order by id', [
        rowId,
      ])
    ).rows;

  beforeAll(async () => {
    registry = await cloneDatabase(await testRegistryTemplate());
    app = new Client({ connectionString: registry.appUrl });
    owner = new Client({ connectionString: registry.ownerUrl });
    await Promise.all([app.connect(), owner.connect()]);
    await app.query(
      "insert into registry.data_sources (id, name, placement, url_sealed) values ($1, 'one', 'shared', $2)",
      [id, SEALED],
    );
  });
  afterAll(async () => {
    await Promise.all([app.end(), owner.end()]);
    await registry.drop();
  });

  it('tells of a change by whom and how, whoever made it', async () => {
    await app.query("select set_config('app.actor', 'operator-7', false)");
    await app.query('update registry.data_sources set pool_max = 20 where id = $1', [id]);
    await owner.query("update registry.data_sources set notes = 'by hand' where id = $1", [id]);
    const [made, changed, byHand] = await entriesOf(id);
    expect(made).toMatchObject({ operation: 'INSERT', before: null, table_name: 'data_sources' });
    expect(changed).toMatchObject({
      actor: 'operator-7',
      database_role: 'cloister_registry_app',
      operation: 'UPDATE',
      before: { pool_max: 10 },
      after: { pool_max: 20 },
    });
    expect(byHand).toMatchObject({ actor: null, database_role: 'cloister_registry_owner' });
  });

  it('shows that a secret was changed and never the secret, sealed or not', async () => {
    await app.query('update registry.data_sources set url_sealed = $2 where id = $1', [
      id,
      `${SEALED}2`,
    ]);
    const entry = (await entriesOf(id)).at(-1);
    expect(entry?.before?.['url_sealed']).toMatch(/^sealed:[0-9a-f]{12}$/);
    expect(entry?.after?.['url_sealed']).not.toBe(entry?.before?.['url_sealed']);
    expect(JSON.stringify(await entriesOf(id))).not.toContain('c2VjcmV0');
  });

  it('takes no notice of a tenant being used', async () => {
    const tenantId = uuidv7();
    await app.query(
      "insert into registry.tenants (id, slug, name, tenant_id_in_data_source) values ($1, 'one', 'One', $1)",
      [tenantId],
    );
    await app.query('update registry.tenants set last_accessed_at = now() where id = $1', [
      tenantId,
    ]);
    expect(await entriesOf(tenantId)).toHaveLength(1);
  });

  it.each([
    [
      'written',
      "insert into registry.audit_log (database_role, table_name, operation) values ('x', 'x', 'x')",
    ],
    ['changed', "update registry.audit_log set actor = 'nobody'"],
    ['deleted', 'delete from registry.audit_log'],
    ['emptied', 'truncate registry.audit_log'],
  ])('cannot be %s by the run-time role', async (_how, statement) => {
    await expect(app.query(statement)).rejects.toThrow(/permission denied/);
  });

  it('cannot be changed by its owner either, short of taking the trigger away', async () => {
    await expect(owner.query('delete from registry.audit_log')).rejects.toThrow(/append-only/);
  });
});
