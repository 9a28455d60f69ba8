/** Lists of the operators' API: Relay connections by keyset over the registry. */
import { uuidv7 } from 'uuidv7';
import { createPlatform, type Platform } from '../support/platform';
import { createWorld, type World } from '../support/world';

interface Page {
  readonly tenants: {
    readonly nodes: readonly { readonly slug: string }[];
    readonly edges: readonly { readonly cursor: string }[];
    readonly totalCount: number;
    readonly pageInfo: Readonly<
      Record<'hasNextPage' | 'hasPreviousPage', boolean> &
        Record<'startCursor' | 'endCursor', string>
    >;
  };
}

const PAGE = `query ($first: Int, $after: String, $last: Int, $before: String, $orderBy: TenantOrder, $filter: TenantFilter) {
  tenants(first: $first, after: $after, last: $last, before: $before, orderBy: $orderBy, filter: $filter) {
    nodes { slug } edges { cursor } totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`;

describe('a list of the operators’ API', () => {
  let world: World;
  let platform: Platform;
  const extra = Array.from({ length: 8 }, (_, index) => `more-${index}`);
  const all = ['alpha', 'beta', 'delta', 'gamma', ...extra];

  beforeAll(async () => {
    world = await createWorld();
    platform = await createPlatform(world);
    for (const slug of extra) {
      const id = uuidv7();
      await world.application.tenancy.registry.insertTenant({
        id,
        slug,
        name: 'The same',
        dataSourceId: null,
        tenantIdInDataSource: id,
      });
    }
  });
  afterAll(() => world.close());

  const page = async (variables: Record<string, unknown>) =>
    (await platform.ask<Page>('viewer', PAGE, variables)).tenants;
  const slugs = ({ nodes }: Page['tenants']): string[] => nodes.map(({ slug }) => slug);

  /** All pages in one direction, from the first to the last. */
  async function walk(forwards: boolean, orderBy?: object): Promise<string[][]> {
    const pages: string[][] = [];
    let cursor: string | undefined;
    for (;;) {
      const where = forwards ? { first: 5, after: cursor } : { last: 5, before: cursor };
      const found = await page({ ...where, orderBy });
      pages.push(slugs(found));
      const { hasNextPage, hasPreviousPage, startCursor, endCursor } = found.pageInfo;
      expect(found.totalCount).toBe(all.length);
      expect(forwards ? hasPreviousPage : hasNextPage).toBe(cursor !== undefined);
      if (!(forwards ? hasNextPage : hasPreviousPage)) return pages;
      cursor = forwards ? endCursor : startCursor;
      expect(pages.length).toBeLessThan(10);
    }
  }

  it('is walked forwards without a gap or a repetition', async () => {
    const pages = await walk(true);
    expect(pages.map(({ length }) => length)).toEqual([5, 5, 2]);
    expect(pages.flat()).toEqual(all);
  });

  it('is walked backwards, each page in its order', async () => {
    const pages = await walk(false);
    expect(pages.reverse().flat()).toEqual(all);
  });

  it.each(['ASC', 'DESC'])('is ordered by a value that many share, %s', async (direction) => {
    const pages = await walk(true, { field: 'NAME', direction });
    expect(pages.flat().sort()).toEqual(all);
    const backwards = await walk(false, { field: 'NAME', direction });
    expect(backwards.reverse().flat()).toEqual(pages.flat());
  });

  it('is ordered by time', async () => {
    const pages = await walk(true, { field: 'CREATED_AT', direction: 'DESC' });
    expect(pages.flat().sort()).toEqual(all);
    expect(pages.flat()[0]).toBe('more-7');
  });

  it('is counted only when that is asked for', async () => {
    const { registryDb } = world.application.tenancy;
    const statements: string[] = [];
    const note = ({ sql }: { sql: string }) => statements.push(sql);
    registryDb.on('query', note);
    try {
      await platform.ask('viewer', '{ tenants(first: 3) { nodes { slug dataSource { name } } } }');
      // The session's verdict is known: the page, and the data sources of all its tenants.
      const asked = statements.filter((sql) => !/operator_sessions/.test(sql));
      expect(asked).toHaveLength(2);
      expect(asked.join()).not.toMatch(/count\(\*\) as "count"/);
    } finally {
      registryDb.removeListener('query', note);
    }
  });

  it.each([
    [{ slug: { startsWith: 'MORE-' }, createdAt: { gte: '2020-01-01T00:00:00Z' } }, 8],
    [{ slug: { in: ['alpha', 'beta', 'nobody'] } }, 2],
    [{ slug: { ne: 'alpha' } }, 11],
    [{ name: { contains: '%' } }, 0],
    [{ status: { eq: 'ACTIVE' } }, 12],
    [{ status: { notIn: ['ACTIVE'] } }, 0],
    [{ closedAt: { isNull: true } }, 12],
    [{ dataSourceId: { isNull: true } }, 8],
    [{ id: { eq: 'tenant_nonsense' } }, 0],
    [{ id: { in: [] } }, 0],
    [{ users: { gt: 0 } }, 0],
  ])('is filtered by %j', async (filter, count) => {
    const found = await page({ filter, first: 100 });
    expect([found.nodes.length, found.totalCount]).toEqual([count, count]);
  });

  it('is filtered by what a record refers to', async () => {
    const id = await platform.idOf('dataSources', 'shared');
    expect(slugs(await page({ filter: { dataSourceId: { eq: id } } }))).toEqual(['alpha', 'beta']);
    const other = await platform.idOf('tenants', 'alpha');
    expect((await page({ filter: { dataSourceId: { eq: other } } })).nodes).toEqual([]);
  });

  it.each([
    [{ first: 0 }],
    [{ first: 101 }],
    [{ first: 1, last: 1 }],
    [{ after: 'made-up' }],
    [{ filter: { slug: { eq: null } } }],
    [{ filter: { slug: { eq: 'a\u0000b' } } }],
  ])('refuses %j', async (variables) => {
    const { errors } = await platform.query('viewer', PAGE, variables);
    expect(errors[0]?.extensions.code).toBe('BAD_USER_INPUT');
  });

  it('takes no cursor of another list or another ordering', async () => {
    const { pageInfo } = await page({ first: 2 });
    const elsewhere = await platform.query(
      'viewer',
      'query ($after: String) { plans(after: $after) { nodes { name } } }',
      { after: pageInfo.endCursor },
    );
    expect(elsewhere.errors[0]?.extensions.code).toBe('BAD_USER_INPUT');
    const reordered = await platform.query('viewer', PAGE, {
      after: pageInfo.endCursor,
      orderBy: { field: 'NAME', direction: 'ASC' },
    });
    expect(reordered.errors[0]?.extensions.code).toBe('BAD_USER_INPUT');
  });

  it('holds records that are found by their id alone', async () => {
    const id = await platform.idOf('tenants', 'alpha');
    const { tenant, node, nobody } = await platform.ask(
      'viewer',
      `query ($id: ID!) { tenant(id: $id) { slug } node(id: $id) { __typename id }
         nobody: tenant(id: "tenant_00000000000000000000000000") { slug } }`,
      { id },
    );
    expect({ tenant, node, nobody }).toEqual({
      tenant: { slug: 'alpha' },
      node: { __typename: 'Tenant', id },
      nobody: null,
    });
  });

  it('shows whether a tenant’s data can be reached', async () => {
    const id = await platform.idOf('tenants', 'delta');
    const { tenant } = await platform.ask<{ tenant: { connection: Record<string, unknown> } }>(
      'viewer',
      'query ($id: ID!) { tenant(id: $id) { connection { ok checks { name status } connection { user } } } }',
      { id },
    );
    expect(tenant.connection).toMatchObject({ ok: true });
  });
});
