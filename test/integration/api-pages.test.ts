import { faker } from '@faker-js/faker/locale/en';
import { kinds } from '../../src/crm/kinds';
import { createOrderings } from '../../src/crm/kind/read/ordering';
import { toTypeId } from '../../src/lib/type-id';
import { apiOf, type Api, type Json } from '../support/api';
import { createWorld, type World } from '../support/world';

interface PageInfo {
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
  readonly startCursor: string | null;
  readonly endCursor: string | null;
}
interface Page {
  readonly nodes: readonly { readonly id: string }[];
  readonly pageInfo: PageInfo;
}
interface Order {
  readonly field: string;
  readonly direction: 'ASC' | 'DESC';
}

const RECORDS = 23;
let world: World;
let api: Api;
let accountIds: string[];

beforeAll(async () => {
  world = await createWorld();
  api = apiOf(world);
  faker.seed(20_260_101);
  accountIds = await populate();
});
afterAll(() => world.close());

/** Few distinct values and many missing ones, so that ties and NULLs stand everywhere. */
async function populate(): Promise<string[]> {
  const maybe = <T>(value: T): T | null => (faker.number.int(3) === 0 ? null : value);
  const pick = <T>(values: readonly T[]): T => faker.helpers.arrayElement(values);
  const several = async (kind: string, make: () => Json): Promise<string[]> => {
    const { plural } = kinds.get(kind);
    const name = `create${plural.charAt(0).toUpperCase()}${plural.slice(1)}`;
    const records = Array.from({ length: RECORDS }, make);
    const payload = await api.mutate(name, { [plural]: records });
    expect(payload.userErrors).toEqual([]);
    return (payload[plural] as { id: string }[]).map(({ id }) => id);
  };
  const money = (): Json => ({
    amount: pick(['-1', '0', '10.5', '10.50', '200']),
    currencyCode: 'EUR',
  });
  const users = Object.values(world.tenants.alpha.users).map((id) => toTypeId('user', id));
  const accounts = await several('Account', () => ({
    name: pick(['Ärger', 'aber', 'Zebra', 'zebra', 'Acme', '100 %']),
    industry: maybe(pick(['tools', 'food'])),
    foundedYear: maybe(pick([1900, 2000])),
    annualRevenue: maybe(money()),
    billingAddress: maybe({ city: maybe(pick(['Wien', 'Graz'])) }),
    ownerId: maybe(pick(users)),
  }));
  const contacts = await several('Contact', () => ({
    firstName: maybe(pick(['Ada', 'Bo'])),
    lastName: pick(['Li', 'Wu']),
    birthDate: maybe(pick(['1990-01-01', '2000-12-31'])),
    doNotContact: pick([true, false]),
    accountId: maybe(pick(accounts)),
    ownerId: maybe(pick(users)),
  }));
  await several('Opportunity', () => ({
    name: pick(['x', 'y']),
    stage: pick(['WON', 'LOST', 'PROPOSAL']),
    closeDate: maybe(pick(['2026-01-01', '2026-02-01'])),
    amount: maybe(money()),
    accountId: maybe(pick(accounts.slice(0, 4))),
    primaryContactId: maybe(pick(contacts)),
  }));
  await several('EventDate', () => ({
    startsAt: pick(['2030-01-01T00:00:00.001Z', '2030-01-01T00:00:00.002Z']),
    title: maybe('t'),
  }));
  return accounts;
}

async function pageOf(list: string, args: Json): Promise<Page> {
  const { singular } = kinds.kinds.find(({ plural }) => plural === list) ?? { singular: '' };
  const type = singular.charAt(0).toUpperCase() + singular.slice(1);
  const data = await api.ask<Record<string, Page>>(
    `query ($first: Int, $after: String, $last: Int, $before: String, $orderBy: [${type}Order!]) {
      ${list}(first: $first, after: $after, last: $last, before: $before, orderBy: $orderBy) {
        nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      }
    }`,
    args,
  );
  return data[list] as Page;
}

/** Every id of a list, a page at a time, from the beginning or from the end. */
async function walk(
  list: string,
  orderBy: readonly Order[],
  size: number,
  backwards: boolean,
): Promise<string[]> {
  let ids: string[] = [];
  let cursor: string | null = null;
  for (let more = true; more;) {
    const args: Json = backwards ? { last: size, before: cursor } : { first: size, after: cursor };
    const { nodes, pageInfo } = await pageOf(list, { ...args, orderBy });
    const found = nodes.map(({ id }) => id);
    ids = backwards ? [...found, ...ids] : [...ids, ...found];
    more = backwards ? pageInfo.hasPreviousPage : pageInfo.hasNextPage;
    // What lies behind is known by the cursor one came by.
    expect(backwards ? pageInfo.hasNextPage : pageInfo.hasPreviousPage).toBe(cursor !== null);
    cursor = backwards ? pageInfo.startCursor : pageInfo.endCursor;
    expect(ids.length).toBeLessThanOrEqual(RECORDS);
  }
  return ids;
}

/** The same order by Postgres itself, without pages. */
async function expectedOrder(list: string, orderBy: readonly Order[]): Promise<string[]> {
  return (await pageOf(list, { first: 100, orderBy })).nodes.map(({ id }) => id);
}

const fieldsOf = (plural: string): string[] => {
  const kind = kinds.kinds.find((each) => each.plural === plural);
  return kind === undefined ? [] : [...createOrderings(kinds).orderablesOf(kind).keys()];
};

describe.each(['accounts', 'contacts', 'opportunities', 'eventDates'])('pages of %s', (list) => {
  it.each(fieldsOf(list))('show each record once, in order, both ways: by %s', async (field) => {
    for (const direction of ['ASC', 'DESC'] as const) {
      const orderBy = [{ field, direction }];
      const all = await expectedOrder(list, orderBy);
      expect(new Set(all).size).toBe(RECORDS);
      expect(await walk(list, orderBy, 7, false)).toEqual(all);
      expect(await walk(list, orderBy, 7, true)).toEqual(all);
    }
  });

  it('show each record once by several fields in mixed directions', async () => {
    const fields = fieldsOf(list);
    for (let round = 0; round < 8; round += 1) {
      const orderBy = faker.helpers
        .arrayElements(fields, { min: 2, max: 4 })
        .map((field): Order => ({ field, direction: faker.helpers.arrayElement(['ASC', 'DESC']) }));
      const all = await expectedOrder(list, orderBy);
      expect(await walk(list, orderBy, 4, false)).toEqual(all);
      expect(await walk(list, orderBy, 4, true)).toEqual(all);
    }
  });
});

describe('an order', () => {
  it('puts records without a value last, or first when descending', async () => {
    const industries = async (direction: string): Promise<(string | null)[]> => {
      const data = await api.ask<{ accounts: { nodes: { industry: string | null }[] } }>(
        `{ accounts(first: 100, orderBy: [{ field: INDUSTRY, direction: ${direction} }]) { nodes { industry } } }`,
      );
      return data.accounts.nodes.map(({ industry }) => industry);
    };
    const ascending = await industries('ASC');
    expect(ascending[0]).toBe('food');
    expect(ascending.at(-1)).toBeNull();
    expect(await industries('DESC')).toEqual([...ascending].reverse());
  });

  it('is newest first unless another is asked for', async () => {
    const { nodes } = await pageOf('accounts', {});
    expect(nodes.map(({ id }) => id)).toEqual([...accountIds].reverse().slice(0, 20));
  });

  it('has at most five parts', async () => {
    const orderBy = Array<Order>(6).fill({ field: 'NAME', direction: 'ASC' });
    const query =
      'query ($orderBy: [AccountOrder!]) { accounts(orderBy: $orderBy) { nodes { id } } }';
    expect(await api.fails(query, { orderBy })).toBe('BAD_USER_INPUT');
    expect(await api.fails(query, { orderBy: orderBy.slice(1) })).toBeUndefined();
  });
});
