import { createWorld, type TenantName, type World } from '../support/world';
import {
  countsOf,
  createImportFolder,
  importOptions,
  pipelineFiles,
  runImport,
  type ImportFolder,
} from '../support/import-world';

let world: World;
let folder: ImportFolder;

beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.close());
beforeEach(async () => {
  folder = await createImportFolder();
  await folder.write(pipelineFiles());
});
afterEach(() => folder.remove());

const sql = <Row = Record<string, unknown>>(tenant: TenantName, text: string): Promise<Row[]> => {
  const { database, localTenantId } = world.tenants[tenant];
  return world.sql<Row>(database, text, [localTenantId]);
};
/** Everything of a tenant but how far imports have come. */
const contentOf = async (tenant: TenantName): Promise<unknown> => {
  const tables = [
    'users',
    'accounts',
    'contacts',
    'products',
    'opportunities',
    'opportunity_line_items',
  ];
  const content = tables.map((table) =>
    sql(
      tenant,
      `select to_jsonb(t) as row from cloister.${table} t where tenant_id = $1 order by id`,
    ),
  );
  return Promise.all(content);
};
const countOf = async (tenant: TenantName, table: string): Promise<number> => {
  const [row] = await sql<{ count: number }>(
    tenant,
    `select count(*)::int as count from cloister.${table} where tenant_id = $1 and deleted_at is null`,
  );
  return row?.count ?? -1;
};

describe('an import', () => {
  it('brings in every kind with its relations, and a second one changes nothing', async () => {
    const options = await importOptions(world, 'alpha', folder);
    const first = await runImport(options);
    expect(countsOf(first)).toEqual({
      User: [2, 0, 0, 0],
      Account: [2, 0, 0, 0],
      Product: [2, 0, 0, 0],
      Opportunity: [20, 0, 0, 0],
    });
    const before = await contentOf('alpha');

    const second = await runImport(options);
    expect(countsOf(second)).toEqual({
      User: [0, 0, 2, 0],
      Account: [0, 0, 2, 0],
      Product: [0, 0, 2, 0],
      Opportunity: [0, 0, 20, 0],
    });
    expect(second.kinds.map(({ referenced }) => referenced)).toEqual([0, 0, 0, 0]);
    expect(await contentOf('alpha')).toEqual(before);
  });

  it('keeps spellings, multiplies exactly and reads dates by the stated format', async () => {
    expect(
      await sql(
        'alpha',
        `select name, industry, annual_revenue, annual_revenue_currency, billing_country_code
         from cloister.accounts where tenant_id = $1 and external_id = 'Subsidiary'`,
      ),
    ).toEqual([
      {
        name: 'Subsidiary',
        industry: 'technolgy',
        annual_revenue: '1100040000.0000',
        annual_revenue_currency: 'USD',
        billing_country_code: 'Philipines',
      },
    ]);
    expect(
      await sql(
        'alpha',
        `select o.name, o.stage, o.engage_date::text, o.close_date::text, o.amount, u.name as owner,
           p.name as product, l.quantity, l.unit_price, a.name as account
         from cloister.opportunities o
         join cloister.users u on u.id = o.owner_id
         left join cloister.accounts a on a.id = o.account_id
         join cloister.opportunity_line_items l on l.opportunity_id = o.id
         join cloister.products p on p.id = l.product_id
         where o.tenant_id = $1 and o.external_id in ('OPP0000', 'OPP0009') order by o.external_id`,
      ),
    ).toEqual([
      {
        name: 'GTX Pro',
        stage: 'won',
        engage_date: '2016-10-20',
        close_date: '2017-03-01',
        amount: '1000.0000',
        owner: 'Ada Agent',
        product: 'GTX Pro',
        quantity: '1.0000',
        unit_price: '1000.0000',
        account: null,
      },
      {
        name: 'GTX Pro for Subsidiary',
        stage: 'lost',
        engage_date: '2016-10-20',
        close_date: '2017-03-01',
        amount: '1009.0000',
        owner: 'Bob Agent',
        product: 'GTX Pro',
        quantity: '1.0000',
        unit_price: '1009.0000',
        account: 'Subsidiary',
      },
    ]);
  });

  it('links rows of one file whatever their order, writing each of them once', async () => {
    expect(
      await sql(
        'alpha',
        `select c.name, p.name as parent, c.version from cloister.accounts c
         left join cloister.accounts p on p.id = c.parent_id where c.tenant_id = $1 order by c.name`,
      ),
    ).toEqual([
      { name: 'Mother', parent: null, version: 1 },
      { name: 'Subsidiary', parent: 'Mother', version: 1 },
    ]);
  });

  it('makes those referred to who stand in no file, and reports them apart', async () => {
    const report = await runImport(await importOptions(world, 'gamma', folder));
    expect(report.kinds.find(({ kind }) => kind === 'User')).toMatchObject({
      created: 2,
      referenced: 1,
    });
    expect(
      await sql(
        'gamma',
        `select u.name, m.name as manager, u.regional_office from cloister.users u
         left join cloister.users m on m.id = u.manager_id
         where u.tenant_id = $1 and u.external_id is not null order by u.name`,
      ),
    ).toEqual([
      { name: 'Ada Agent', manager: 'Max Manager', regional_office: 'Central' },
      { name: 'Bob Agent', manager: 'Ada Agent', regional_office: 'East' },
      { name: 'Max Manager', manager: null, regional_office: null },
    ]);
  });

  it('makes users who are members and cannot sign in', async () => {
    expect(
      await sql(
        'alpha',
        `select distinct role, email, email_key, password_hash from cloister.users
         where tenant_id = $1 and external_id is not null`,
      ),
    ).toEqual([{ role: 'member', email: null, email_key: null, password_hash: null }]);
  });

  it('leaves the neighbour in the same database as it was', async () => {
    const before = await contentOf('beta');
    await folder.write({
      'products.csv': 'product,series,sales_price\nGTX Pro,GTX,1\nMG Special,MG,2\n',
    });
    const report = await runImport(await importOptions(world, 'alpha', folder));
    expect(countsOf(report)['Product']).toEqual([0, 2, 0, 0]);
    expect(await contentOf('beta')).toEqual(before);
    expect(await sql('beta', 'select id from cloister.import_runs where tenant_id = $1')).toEqual(
      [],
    );
  });

  it('cannot be linked to the records of a neighbour', async () => {
    // Alpha has the accounts, beta does not; the files bring none.
    const mapping = `
      files:
        - file: sales_pipeline.csv
          kind: Opportunity
          externalId: opportunity_id
          fields: { name: opportunity_id }
          references: { account: { column: account, by: name } }`;
    const report = await runImport(await importOptions(world, 'beta', folder, mapping));
    expect(countsOf(report)).toEqual({ Opportunity: [4, 0, 0, 16] });
    expect(await folder.readRejects('sales_pipeline.rejects.csv')).toContain(
      'account: there is no account with the name ""Subsidiary""',
    );
  });

  it('counts a record as updated when only its line item has changed', async () => {
    const files = pipelineFiles();
    await folder.write({
      'sales_pipeline.csv': (files['sales_pipeline.csv'] ?? '').replace(
        'OPP0004,Ada Agent,MG Special',
        'OPP0004,Ada Agent,',
      ),
    });
    const mapping = `
      files:
        - file: sales_pipeline.csv
          kind: Opportunity
          externalId: opportunity_id
          fields: { name: opportunity_id }
          items:
            - kind: OpportunityLineItem
              externalId: '{opportunity_id}/1'
              skipWhenEmpty: product
              fields: { description: product }`;
    const options = await importOptions(world, 'delta', folder, mapping);
    expect(countsOf(await runImport(options))).toEqual({ Opportunity: [20, 0, 0, 0] });
    expect(await countOf('delta', 'opportunity_line_items')).toBe(19);
    await folder.write(files); // OPP0004 has a product again
    expect(countsOf(await runImport(options))).toEqual({ Opportunity: [0, 1, 19, 0] });
    expect(await countOf('delta', 'opportunity_line_items')).toBe(20);
    await folder.write({
      'sales_pipeline.csv': (files['sales_pipeline.csv'] ?? '').replace(
        'OPP0004,Ada Agent,MG Special',
        'OPP0004,Ada Agent,',
      ),
    });
    expect(countsOf(await runImport(options))).toEqual({ Opportunity: [0, 1, 19, 0] });
    expect(await countOf('delta', 'opportunity_line_items')).toBe(19);
  });

  it('says in a dry run what would happen, relations included, and writes nothing', async () => {
    await sql('beta', 'delete from cloister.opportunities where tenant_id = $1');
    const before = await contentOf('beta');
    const report = await runImport({
      ...(await importOptions(world, 'beta', folder)),
      dryRun: true,
    });
    expect(countsOf(report)).toEqual({
      User: [2, 0, 0, 0],
      Account: [2, 0, 0, 0],
      Product: [2, 0, 0, 0],
      Opportunity: [20, 0, 0, 0],
    });
    expect(await contentOf('beta')).toEqual(before);
  });

  it('needs the same number of statements for a batch whatever its size', async () => {
    const mapping = `
      files:
        - file: sales_pipeline.csv
          kind: Opportunity
          externalId: 'again-{opportunity_id}'
          fields: { name: opportunity_id }
          references: { owner: { column: sales_agent, createMissing: true } }
          items:
            - kind: OpportunityLineItem
              externalId: 'again-{opportunity_id}'
              fields: { description: product }`;
    const count = async (tenant: TenantName, rows: number): Promise<number> => {
      await folder.write(pipelineFiles(rows));
      const options = await importOptions(world, tenant, folder, mapping);
      world.forgetStatements();
      expect(countsOf(await runImport(options))).toMatchObject({ Opportunity: [rows, 0, 0, 0] });
      return world.statements.length;
    };
    expect(await count('beta', 400)).toBe(await count('delta', 40));
  });
});
