import { uuidv7 } from 'uuidv7';
import { toTypeId } from '../../src/lib/type-id';
import { apiOf, type Api, type Json } from '../support/api';
import { createWorld, type World } from '../support/world';

let world: World;
let api: Api;
const ids = new Map<string, string>();

beforeAll(async () => {
  world = await createWorld();
  api = apiOf(world);
  const make = async (kind: string, name: string, input: Json): Promise<void> => {
    ids.set(name, (await api.create(kind, input)).id);
  };
  const id = (name: string): string => ids.get(name) ?? '';
  await make('Account', 'acme', {
    name: 'Acme',
    industry: 'tools',
    employeeCount: 10,
    billingAddress: { city: 'Wien' },
    annualRevenue: { amount: '1000.5', currencyCode: 'EUR' },
    accountType: 'CUSTOMER',
  });
  await make('Account', 'percent', {
    name: '100%_\\x',
    employeeCount: 20,
    annualRevenue: { amount: '1000.50', currencyCode: 'USD' },
    accountType: 'PARTNER',
    parentId: id('acme'),
  });
  await make('Account', 'none', { name: 'ÄRGER', externalId: 'X' });
  await make('Contact', 'ann', {
    lastName: 'Ann',
    birthDate: '1990-05-01',
    doNotContact: true,
    accountId: id('acme'),
  });
  await make('Contact', 'bob', {
    lastName: 'Bob',
    birthDate: '2000-05-01',
    accountId: id('percent'),
  });
  await make('Contact', 'cy', { lastName: 'Cy' });
  await make('Opportunity', 'won', {
    name: 'Won',
    stage: 'WON',
    accountId: id('acme'),
    primaryContactId: id('ann'),
  });
  await make('Opportunity', 'open', { name: 'Open', stage: 'PROPOSAL', accountId: id('acme') });
  await make('Opportunity', 'gone', { name: 'Gone', accountId: id('none') });
  await api.mutate('deleteOpportunity', { id: id('gone') });
  await make('OpportunityLineItem', 'item', { opportunityId: id('won'), quantity: '2.5' });
});
afterAll(() => world.close());

const nameOf = (id: string): string | undefined => [...ids].find(([, known]) => known === id)?.[0];

const TYPES: Readonly<Record<string, string>> = {
  accounts: 'AccountFilter',
  contacts: 'ContactFilter',
  opportunities: 'OpportunityFilter',
  opportunityLineItems: 'OpportunityLineItemFilter',
};
const queryOf = (list: string): string =>
  `query ($filter: ${TYPES[list]}) { ${list}(filter: $filter, orderBy: [{ field: ID, direction: ASC }]) { nodes { id } totalCount } }`;

/** Names of the records that the filter lets through, in the order they were made. */
async function found(list: string, filter: Json | null): Promise<(string | undefined)[]> {
  const data = await api.ask<Record<string, { nodes: { id: string }[]; totalCount: number }>>(
    queryOf(list),
    { filter },
  );
  const page = data[list];
  // The count follows the same filter.
  expect(page?.totalCount).toBe(page?.nodes.length);
  return page?.nodes.map(({ id }) => nameOf(id)) ?? [];
}
const refused = (list: string, filter: Json): Promise<string | undefined> =>
  api.fails(queryOf(list), { filter });

const ALL = ['acme', 'percent', 'none'];

describe('a filter of accounts', () => {
  it.each<[Json | null, string[]]>([
    [null, ALL],
    [{}, ALL],
    [{ name: {} }, ALL],
    [{ name: { eq: 'Acme' } }, ['acme']],
    [{ name: { eq: 'acme' } }, []],
    [{ name: { ne: 'Acme' } }, ['percent', 'none']],
    [{ name: { in: ['Acme', 'nobody'] } }, ['acme']],
    [{ name: { in: [] } }, []],
    [{ name: { notIn: ['Acme'] } }, ['percent', 'none']],
    [{ name: { notIn: [] } }, ALL],
    [{ name: { contains: 'CM' } }, ['acme']],
    [{ name: { contains: 'ärg' } }, ['none']],
    [{ name: { startsWith: 'ac' } }, ['acme']],
    [{ name: { endsWith: 'ME' } }, ['acme']],
    [{ name: { startsWith: 'cm' } }, []],
    [{ name: { contains: '%' } }, ['percent']],
    [{ name: { contains: '_' } }, ['percent']],
    [{ name: { contains: '\\' } }, ['percent']],
    [{ name: { startsWith: '100%_\\' } }, ['percent']],
    [{ name: { contains: '1%x' } }, []],
    [{ name: { contains: "'; drop table cloister.accounts; --" } }, []],
    [{ name: { eq: 'Acme', startsWith: 'B' } }, []],
    [{ industry: { isNull: true } }, ['percent', 'none']],
    [{ industry: { isNull: false } }, ['acme']],
    [{ industry: { ne: 'food' } }, ['acme']],
    [{ industry: { notIn: ['food'] } }, ['acme']],
    [{ not: { industry: { eq: 'food' } } }, ALL],
    [{ not: { industry: { eq: 'tools' } } }, ['percent', 'none']],
    [{ not: {} }, []],
    [{ employeeCount: { gt: 10 } }, ['percent']],
    [{ employeeCount: { gte: 10, lt: 20 } }, ['acme']],
    [{ employeeCount: { lte: 20 } }, ['acme', 'percent']],
    [{ employeeCount: { in: [10, 20] } }, ['acme', 'percent']],
    [{ annualRevenue: { eq: '1000.5' } }, ['acme', 'percent']],
    [{ annualRevenue: { eq: '1000.5', currencyCode: 'USD' } }, ['percent']],
    [{ annualRevenue: { currencyCode: 'EUR' } }, ['acme']],
    [{ annualRevenue: { gt: '1000.4999' } }, ['acme', 'percent']],
    [{ annualRevenue: { isNull: true } }, ['none']],
    [{ accountType: { eq: 'CUSTOMER' } }, ['acme']],
    [{ accountType: { in: ['CUSTOMER', 'PARTNER'] } }, ['acme', 'percent']],
    [{ accountType: { isNull: true } }, ['none']],
    [{ billingAddress: { city: { startsWith: 'w' } } }, ['acme']],
    [{ billingAddress: { city: { isNull: true } } }, ['percent', 'none']],
    [{ billingAddress: {} }, ALL],
    [{ externalId: { eq: 'X' } }, ['none']],
    [{ deletedAt: { isNull: true } }, ALL],
    [{ createdAt: { lt: '2020-01-01T00:00:00Z' } }, []],
    [{ createdAt: { gt: '2020-01-01T00:00:00Z' } }, ALL],
    [{ and: [{ employeeCount: { gt: 5 } }, { employeeCount: { lt: 15 } }] }, ['acme']],
    [{ or: [{ name: { eq: 'Acme' } }, { externalId: { eq: 'X' } }] }, ['acme', 'none']],
    [{ and: [] }, ALL],
    [{ or: [] }, []],
    [{ or: [{}] }, ALL],
    [{ industry: { eq: 'tools' }, or: [{ employeeCount: { eq: 20 } }] }, []],
    [{ parent: { name: { eq: 'Acme' } } }, ['percent']],
    [{ parent: {} }, ['percent']],
    [{ not: { parent: {} } }, ['acme', 'none']],
    [{ parentId: { isNull: true } }, ['acme', 'none']],
    [{ subsidiaries: { some: { employeeCount: { eq: 20 } } } }, ['acme']],
    [{ subsidiaries: { none: {} } }, ['percent', 'none']],
    [{ opportunities: { some: {} } }, ['acme']],
    [{ opportunities: { none: { stage: { eq: 'WON' } } } }, ['percent', 'none']],
    [{ opportunities: { some: { isWon: { eq: true } }, none: { name: { eq: 'Open' } } } }, []],
    [{ opportunities: {} }, ALL],
    [
      {
        contacts: {
          some: { opportunities: { some: { lineItems: { some: { quantity: { eq: '2.50' } } } } } },
        },
      },
      ['acme'],
    ],
  ])('%j lets through %j', async (filter, expected) => {
    expect(await found('accounts', filter)).toEqual(expected);
  });
});

describe('a filter by ids, dates and truth', () => {
  it('compares them', async () => {
    const acme = ids.get('acme') ?? '';
    expect(await found('accounts', { id: { eq: acme } })).toEqual(['acme']);
    expect(await found('accounts', { id: { notIn: [acme] } })).toEqual(['percent', 'none']);
    expect(await found('accounts', { id: { in: [toTypeId('account', uuidv7())] } })).toEqual([]);
    expect(await found('contacts', { accountId: { eq: acme } })).toEqual(['ann']);
    expect(await found('contacts', { accountId: { ne: acme } })).toEqual(['bob']);
    expect(await found('contacts', { accountId: { isNull: true } })).toEqual(['cy']);
    expect(await found('contacts', { birthDate: { gte: '1990-05-01', lt: '2000-05-01' } })).toEqual(
      ['ann'],
    );
    expect(await found('contacts', { birthDate: { in: ['2000-05-01'] } })).toEqual(['bob']);
    expect(await found('contacts', { doNotContact: { eq: true } })).toEqual(['ann']);
    expect(await found('contacts', { account: { industry: { eq: 'tools' } } })).toEqual(['ann']);
    expect(await found('opportunityLineItems', { quantity: { gt: '2.4999' } })).toEqual(['item']);
    expect(
      await found('opportunities', { primaryContact: { account: { name: { eq: 'Acme' } } } }),
    ).toEqual(['won']);
  });

  it('narrows and counts the children of each parent', async () => {
    const data = await api.ask(`{
      accounts(orderBy: [{ field: ID, direction: ASC }]) {
        nodes { opportunities(filter: { isClosed: { eq: false } }) { nodes { name } totalCount } }
      }
    }`);
    const of = (...names: string[]) => ({
      opportunities: { nodes: names.map((name) => ({ name })), totalCount: names.length },
    });
    expect(data).toEqual({ accounts: { nodes: [of('Open'), of(), of()] } });
  });
});

describe('a filter is refused', () => {
  const nested = (levels: number): Json => (levels === 0 ? {} : { not: nested(levels - 1) });

  it.each<[string, string, Json]>([
    ['null for a comparison', 'accounts', { industry: { eq: null } }],
    ['null for a field', 'accounts', { industry: null }],
    ['null for a relation', 'accounts', { parent: null }],
    ['null for a quantifier', 'accounts', { opportunities: { some: null } }],
    ['null for a currency', 'accounts', { annualRevenue: { currencyCode: null } }],
    ['null for a part of an address', 'accounts', { billingAddress: { city: null } }],
    ['a malformed id', 'accounts', { id: { eq: 'x' } }],
    ['an id of another kind', 'accounts', { id: { eq: toTypeId('contact', uuidv7()) } }],
    ['a malformed id in a list', 'contacts', { accountId: { in: ['x'] } }],
    ['501 values', 'accounts', { name: { in: Array<string>(501).fill('x') } }],
    ['101 conditions', 'accounts', { or: Array<Json>(101).fill({ name: { eq: 'x' } }) }],
    ['101 empty conditions', 'accounts', { or: Array<Json>(101).fill({}) }],
    ['seven levels', 'accounts', nested(7)],
    ['NUL', 'accounts', { name: { eq: 'a\u0000' } }],
    ['NUL in a list', 'accounts', { name: { in: ['\u0000'] } }],
    ['the year 0', 'contacts', { birthDate: { eq: '0000-01-01' } }],
    ['a password', 'accounts', { owner: { password: { eq: 'x' } } }],
  ])('for %s', async (_what, list, filter) => {
    expect(await refused(list, filter)).toBe('BAD_USER_INPUT');
  });

  it('not below those limits', async () => {
    expect(
      await refused('accounts', { name: { in: Array<string>(500).fill('x') } }),
    ).toBeUndefined();
    expect(await refused('accounts', nested(6))).toBeUndefined();
  });
});
