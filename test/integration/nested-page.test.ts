import { toTypeId } from '../../src/lib/type-id';
import { createWorld, type World } from '../support/world';

const PIPELINE = `query ($first: Int!) {
  accounts(first: $first, orderBy: [{ field: NAME, direction: ASC }]) {
    nodes {
      id name
      contacts(first: 2) { nodes { id fullName } }
      opportunities(first: 5, filter: { isClosed: { eq: false } }) {
        nodes {
          id name amount { amount currencyCode } owner { name }
          lineItems(first: 5) { nodes { quantity product { name } } }
        }
      }
      events(first: 3) { nodes { name startsAt dates(first: 3) { nodes { startsAt location { name } } } } }
    }
    pageInfo { hasNextPage endCursor }
    totalCount
  }
}`;

describe('the nested page', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld();
    await populate(world, 12);
  });
  afterAll(() => world.close());

  const count = async (document: string, first: number): Promise<number> => {
    world.forgetStatements();
    const answer = await world.query({ tenant: 'alpha' }, document, { first });
    expect(answer.errors).toEqual([]);
    // Now and then one looks whether the log-in session still stands.
    return world.statements.filter(({ text }) => !text.includes('user_sessions')).length;
  };

  it('costs the same number of statements whatever the number of rows', async () => {
    // Each a document that was never sent before, so that it is executed by the loaders: accounts, their
    // count, contacts, opportunities, owners, line items, products, events, dates, locations.
    expect(await count(`${PIPELINE} # with one`, 1)).toBe(10);
    expect(await count(`${PIPELINE} # with twelve`, 12)).toBe(10);
  });

  it('is one statement, its count within, from the second time on', async () => {
    await count(PIPELINE, 1);
    expect(await count(PIPELINE, 1)).toBe(1);
    expect(await count(PIPELINE, 12)).toBe(1);
  });

  it('returns every parent its own children, in one view', async () => {
    const { data } = await world.query<{ accounts: AccountsPage }>({ tenant: 'alpha' }, PIPELINE, {
      first: 20,
    });
    expect(data.accounts.totalCount).toBe(12);
    expect(data.accounts.pageInfo.hasNextPage).toBe(false);
    for (const account of data.accounts.nodes) {
      const number = account.name.slice('Account '.length);
      expect(account.contacts.nodes).toHaveLength(2);
      for (const contact of account.contacts.nodes)
        expect(contact.fullName.endsWith(`Of ${number}`)).toBe(true);
      expect(account.opportunities.nodes.map(({ name }) => name)).toEqual([
        `Open deal of ${number}`,
      ]);
      expect(account.opportunities.nodes[0]?.lineItems.nodes).toEqual([
        { quantity: '2', product: { name: 'Widget' } },
      ]);
      expect(account.events.nodes[0]?.dates.nodes[0]?.location).toEqual({ name: 'Town hall' });
    }
  });
});

interface AccountsPage {
  readonly totalCount: number;
  readonly pageInfo: { readonly hasNextPage: boolean };
  readonly nodes: readonly {
    readonly name: string;
    readonly contacts: { readonly nodes: readonly { readonly fullName: string }[] };
    readonly opportunities: {
      readonly nodes: readonly {
        readonly name: string;
        readonly lineItems: { readonly nodes: readonly unknown[] };
      }[];
    };
    readonly events: {
      readonly nodes: readonly {
        readonly dates: { readonly nodes: readonly { readonly location: unknown }[] };
      }[];
    };
  }[];
}

async function populate(world: World, accounts: number): Promise<void> {
  const create = async (mutation: string, input: object): Promise<string> => {
    const record = mutation.charAt(0).toLowerCase() + mutation.slice(1);
    const { data, errors } = await world.query<
      Record<string, Record<string, { id: string }> & { userErrors: unknown[] }>
    >(
      { tenant: 'alpha' },
      `mutation ($input: Create${mutation}Input!) { create${mutation}(input: $input) { ${record} { id } userErrors { field message } } }`,
      { input },
    );
    expect(errors).toEqual([]);
    expect(data[`create${mutation}`]?.userErrors).toEqual([]);
    return data[`create${mutation}`]?.[record]?.id ?? '';
  };
  const ownerId = toTypeId('user', world.tenants.alpha.users.member);
  const productId = await create('Product', {
    name: 'Widget',
    listPrice: { amount: '10', currencyCode: 'EUR' },
  });
  const locationId = await create('Location', { name: 'Town hall', address: { city: 'Vienna' } });
  for (let number = 1; number <= accounts; number += 1) {
    const accountId = await create('Account', { name: `Account ${number}` });
    for (const firstName of ['Ann', 'Ben', 'Cy']) {
      await create('Contact', { firstName, lastName: `Of ${number}`, accountId });
    }
    await create('Opportunity', { name: `Won deal of ${number}`, stage: 'WON', accountId });
    const opportunityId = await create('Opportunity', {
      name: `Open deal of ${number}`,
      accountId,
      ownerId,
    });
    await create('OpportunityLineItem', { opportunityId, productId, quantity: '2' });
    const eventId = await create('Event', {
      name: `Visit ${number}`,
      accountId,
      startsAt: '2030-01-01T10:00:00Z',
    });
    await create('EventDate', { eventId, locationId, startsAt: '2030-01-01T10:00:00Z' });
  }
}
