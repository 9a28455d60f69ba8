import { toTypeId } from '../../src/lib/type-id';
import { apiOf, type Api, type Json } from '../support/api';
import { createWorld, type World } from '../support/world';

let world: World;
let api: Api;
let accountIds: string[];

beforeAll(async () => {
  world = await createWorld();
  api = apiOf(world);
  const accounts = Array.from({ length: 6 }, (_, index) => ({ name: `Account ${index}` }));
  const made = await api.mutate('createAccounts', { accounts });
  accountIds = (made['accounts'] as { id: string }[]).map(({ id }) => id);
  const [accountId] = accountIds;
  const ownerId = toTypeId('user', world.tenants.alpha.users.member);
  const contact = await api.create('Contact', { lastName: 'c', accountId, ownerId });
  const opportunities = Array.from({ length: 5 }, (_, index) => ({
    name: 'Deal',
    accountId,
    primaryContactId: contact.id,
    // Ties, and values that are missing.
    amount: index > 2 ? null : { amount: String(index % 2), currencyCode: 'EUR' },
  }));
  await api.mutate('createOpportunities', { opportunities });
});
afterAll(() => world.close());

interface Page {
  readonly nodes: readonly { readonly id: string }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

const productPage = async (args: Json): Promise<Page> =>
  (
    await api.ask<{ products: Page }>(
      `query ($first: Int, $after: String) {
        products(
          first: $first, after: $after
          orderBy: [{ field: NAME, direction: ASC }], filter: { name: { eq: "walked" } }
        ) { nodes { id } pageInfo { hasNextPage endCursor } }
      }`,
      args,
    )
  ).products;

describe('a page', () => {
  it('goes on where it ended though records before and at the cursor were deleted', async () => {
    const made: string[] = [];
    for (let index = 0; index < 6; index += 1) {
      made.push((await api.create('Product', { name: 'walked' })).id);
    }
    const first = await productPage({ first: 3 });
    await api.mutate('deleteProducts', { ids: [made[0], made[2], made[3]] });
    const rest = await productPage({ first: 3, after: first.pageInfo.endCursor });
    expect(rest.nodes.map(({ id }) => id)).toEqual([made[4], made[5]]);
    expect(rest.pageInfo.hasNextPage).toBe(false);
  });

  it('of children belongs to each parent, and goes on for one of them', async () => {
    const query = `query ($after: String) {
      account(id: "${accountIds[0]}") {
        opportunities(first: 2, after: $after, orderBy: [{ field: AMOUNT, direction: ASC }]) {
          edges { cursor node { id account { id } } } pageInfo { hasNextPage } totalCount
        }
      }
    }`;
    interface Children {
      readonly account: {
        readonly opportunities: {
          readonly edges: readonly {
            readonly cursor: string;
            readonly node: { readonly id: string; readonly account: { readonly id: string } };
          }[];
          readonly pageInfo: { readonly hasNextPage: boolean };
          readonly totalCount: number;
        };
      };
    }
    const seen = new Set<string>();
    let after: string | undefined;
    for (let more = true; more;) {
      const { opportunities } = (await api.ask<Children>(query, { after })).account;
      for (const { node } of opportunities.edges) {
        expect(node.account.id).toBe(accountIds[0]);
        seen.add(node.id);
      }
      after = opportunities.edges.at(-1)?.cursor;
      more = opportunities.pageInfo.hasNextPage;
      if (!more) expect(seen.size).toBe(opportunities.totalCount);
    }
    expect(seen.size).toBeGreaterThan(1);
  });

  it('that shares a fragment with another asks for its own selection', async () => {
    // Both selections meet in one node of the document; only one of them asks what comes after.
    const data = await api.ask<
      Record<string, { opportunities: { pageInfo?: { hasNextPage: boolean } } }>
    >(`
      { a: account(id: "${accountIds[0]}") { ...F }
        b: account(id: "${accountIds[0]}") { ...F ...G } }
      fragment F on Account { opportunities(first: 1) { nodes { id } } }
      fragment G on Account { opportunities(first: 1) { pageInfo { hasNextPage } } }`);
    expect(data['b']?.opportunities.pageInfo).toEqual({ hasNextPage: true });
  });

  it.each([
    'first: -1',
    'first: 0',
    'first: 101',
    'first: 99999999',
    'last: 0',
    'last: 101',
    'first: 1, last: 1',
    'first: 1, before: "x"',
    'last: 1, after: "x"',
    'after: "x", before: "x"',
    'after: ""',
    'after: "x"',
    'before: "AAAAAAAAAAAAAAAAAAAA"',
    `after: "${'A'.repeat(500)}"`,
  ])('is not asked for by (%s)', async (args) => {
    expect(await api.fails(`{ accounts(${args}) { nodes { id } } }`)).toBe('BAD_USER_INPUT');
  });

  it('takes no cursor that was changed or belongs elsewhere', async () => {
    const { accounts } = await api.ask<{ accounts: Page }>(
      '{ accounts(first: 1) { pageInfo { endCursor } } }',
    );
    const cursor = accounts.pageInfo.endCursor ?? '';
    const fails = (by: Api, list: string, after: string, more = '') =>
      by.fails(
        `query ($after: String) { ${list}(first: 1, after: $after ${more}) { nodes { id } } }`,
        { after },
      );
    expect(await fails(api, 'accounts', cursor)).toBeUndefined();
    for (let place = 0; place < cursor.length; place += 5) {
      const other = cursor[place] === 'A' ? 'B' : 'A';
      const changed = cursor.slice(0, place) + other + cursor.slice(place + 1);
      expect(await fails(api, 'accounts', changed)).toBe('BAD_USER_INPUT');
    }
    for (const spelling of [`${cursor}=`, `${cursor}!`, ` ${cursor}`, `${cursor}A`]) {
      expect(await fails(api, 'accounts', spelling)).toBe('BAD_USER_INPUT');
    }
    expect(await fails(api, 'contacts', cursor)).toBe('BAD_USER_INPUT');
    expect(await fails(apiOf(world, 'beta'), 'accounts', cursor)).toBe('BAD_USER_INPUT');
    const reordered = 'orderBy: [{ field: NAME, direction: ASC }]';
    expect(await fails(api, 'accounts', cursor, reordered)).toBe('BAD_USER_INPUT');
  });
});

describe('the statements of a query', () => {
  const statementsOf = async (query: string, variables?: Json): Promise<string[]> => {
    world.forgetStatements();
    await api.ask(query, variables);
    return world.statements.map(({ text }) => text);
  };
  const limitOf = async (query: string): Promise<number> => {
    await statementsOf(query);
    return Number(/limit (\d+)$/.exec(world.statements[0]?.text ?? '')?.[1]);
  };

  it.each([
    [1, 'a record by its id', '{ account(id: "$id") { name } }'],
    [1, 'a page', '{ accounts { nodes { name } pageInfo { endCursor hasNextPage } } }'],
    [2, 'a page and its count', '{ accounts { nodes { name } totalCount } }'],
    [
      3,
      'a page with two parents',
      '{ contacts(first: 50) { nodes { account { name } owner { name } } } }',
    ],
    [
      3,
      'two levels of lists',
      '{ accounts { nodes { contacts { nodes { opportunities { nodes { id } } } } } } }',
    ],
    [3, 'a list with counts', '{ accounts { nodes { contacts { totalCount nodes { id } } } } }'],
    [1, 'ids of one kind', '{ nodes(ids: ["$id", "$id"]) { id } }'],
    [0, 'an id of nothing', '{ account(id: "nothing") { name } }'],
    [
      1,
      'a filter through relations',
      '{ contacts(filter: { account: { opportunities: { some: {} } } }) { nodes { id } } }',
    ],
  ])('are %i for %s', async (count, _shape, query) => {
    expect(await statementsOf(query.replaceAll('$id', accountIds[0] ?? ''))).toHaveLength(count);
  });

  it('read one row more than the page only when somebody asks what follows', async () => {
    expect(await limitOf('{ accounts(first: 3) { nodes { id } pageInfo { endCursor } } }')).toBe(3);
    expect(
      await limitOf('{ accounts(first: 3) { nodes { id } pageInfo { hasPreviousPage } } }'),
    ).toBe(3);
    expect(await limitOf('{ accounts(first: 3) { nodes { id } pageInfo { hasNextPage } } }')).toBe(
      4,
    );
    expect(
      await limitOf('{ accounts(last: 3) { nodes { id } pageInfo { hasPreviousPage } } }'),
    ).toBe(4);
    expect(
      await limitOf(
        '{ accounts(first: 3) { ...P } } fragment P on AccountConnection { p: pageInfo { more: hasNextPage } }',
      ),
    ).toBe(4);
  });
});
