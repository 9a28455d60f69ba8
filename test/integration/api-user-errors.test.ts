import { uuidv7 } from 'uuidv7';
import { toTypeId } from '../../src/lib/type-id';
import { apiOf, type Api, type Json } from '../support/api';
import { createWorld, type World } from '../support/world';

let world: World;
let api: Api;
beforeAll(async () => {
  world = await createWorld();
  api = apiOf(world);
});
afterAll(() => world.close());

const EUR = (amount: string): Json => ({ amount, currencyCode: 'EUR' });
const count = async (list: string): Promise<number> =>
  ((await api.ask(`{ ${list} { totalCount } }`))[list] as { totalCount: number }).totalCount;

describe('a value that is not acceptable', () => {
  it.each<[string, string, Json, string]>([
    ['a blank required text', 'createAccount', { name: ' ' }, 'INVALID name'],
    ['too long a text', 'createAccount', { name: 'x'.repeat(256) }, 'INVALID name'],
    ['NUL', 'createAccount', { name: 'a\u0000b' }, 'INVALID name'],
    ['half of a surrogate pair', 'createAccount', { name: 'a\ud800' }, 'INVALID name'],
    [
      'NUL in an address',
      'createAccount',
      { name: 'a', billingAddress: { city: '\u0000' } },
      'INVALID billingAddress.city',
    ],
    ['a blank external id', 'createAccount', { name: 'a', externalId: '' }, 'INVALID externalId'],
    [
      'a number below its range',
      'createAccount',
      { name: 'a', employeeCount: -1 },
      'INVALID employeeCount',
    ],
    [
      'a percentage beyond 100',
      'createOpportunity',
      { name: 'a', probability: 101 },
      'INVALID probability',
    ],
    [
      'the year 0',
      'createContact',
      { lastName: 'a', birthDate: '0000-01-01' },
      'INVALID birthDate',
    ],
    [
      'a moment in the year 0',
      'createEvent',
      { name: 'a', startsAt: '0000-01-01T00:00:00Z' },
      'INVALID startsAt',
    ],
    [
      'an end before the beginning',
      'createEvent',
      { name: 'a', startsAt: '2030-01-02T00:00:00Z', endsAt: '2030-01-01T00:00:00Z' },
      'INVALID endsAt',
    ],
    [
      'a date that ends before it begins',
      'createEventDate',
      { startsAt: '2030-01-02T00:00:00Z', endsAt: '2030-01-01T00:00:00Z' },
      'INVALID endsAt',
    ],
    ['a short password', 'createUser', { name: 'a', password: 'short' }, 'INVALID password'],
  ])('is told with its field: %s', async (_what, mutation, input, fault) => {
    expect(await api.faults(mutation, input)).toEqual([fault]);
  });

  it('is told with all others of the input', async () => {
    const contacts = [{ lastName: 'ok' }, { lastName: '', firstName: '\u0000' }, { lastName: ' ' }];
    expect(await api.faults('createContacts', { contacts })).toEqual([
      'INVALID contacts.1.firstName',
      'INVALID contacts.1.lastName',
      'INVALID contacts.2.lastName',
    ]);
    expect(await count('contacts')).toBe(0);
  });

  it('of a line item is refused: nothing, less than nothing, more than fits', async () => {
    const { id: opportunityId } = await api.create('Opportunity', { name: 'Deal' });
    const item = (input: Json) =>
      api.faults('createOpportunityLineItem', { opportunityId, ...input });
    expect(await item({ quantity: '0' })).toEqual(['INVALID quantity']);
    expect(await item({ quantity: '-1' })).toEqual(['INVALID quantity']);
    expect(await item({ discountPercent: '100.0001' })).toEqual(['INVALID discountPercent']);
    const most = '9999999999999999';
    expect(await item({ quantity: most, unitPrice: EUR(most) })).toEqual(['INVALID ']);
  });

  it.each<[string, string, unknown]>([
    ['2^31', 'CreateAccountInput', { name: 'a', employeeCount: 2 ** 31 }],
    ['a date that is none', 'CreateContactInput', { lastName: 'a', birthDate: '2026-02-30' }],
    ['a time that is none', 'CreateEventInput', { name: 'a', startsAt: '2026-01-01 10:00' }],
    ['a decimal beyond the scale', 'CreateProductInput', { name: 'a', listPrice: EUR('1.00001') }],
    ['1e400', 'CreateProductInput', { name: 'a', listPrice: EUR('1e400') }],
    ['money without a currency', 'CreateProductInput', { name: 'a', listPrice: { amount: '1' } }],
    [
      'a currency that is none',
      'CreateProductInput',
      { name: 'a', listPrice: { amount: '1', currencyCode: 'XXY' } },
    ],
    ['an address that is no e-mail', 'CreateContactInput', { lastName: 'a', email: 'a@' }],
    ['a script for a URL', 'CreateAccountInput', { name: 'a', website: 'javascript:alert(1)' }],
    ['a value of no enumeration', 'CreateOpportunityInput', { name: 'a', stage: 'won' }],
    ['a tenant', 'CreateAccountInput', { name: 'a', tenantId: uuidv7() }],
  ])('of no type is bad user input: %s', async (_what, type, input) => {
    const name = type.replace(/^Create|Input$/g, '');
    const mutation = `mutation ($input: ${type}!) { create${name}(input: $input) { userErrors { code } } }`;
    expect(await api.fails(mutation, { input })).toBe('BAD_USER_INPUT');
  });
});

describe('a reference', () => {
  it('to nothing is not found, the same for any id that leads nowhere', async () => {
    const { id: foreign } = await apiOf(world, 'beta').create('Account', { name: 'theirs' });
    const { id: deleted } = await api.create('Account', { name: 'deleted' });
    await api.mutate('deleteAccount', { id: deleted });
    const { id } = await api.create('Contact', { lastName: 'mine' });
    const answers = new Set<string>();
    for (const accountId of [foreign, deleted, toTypeId('account', uuidv7()), 'x', id]) {
      answers.add(JSON.stringify(await api.mutate('createContact', { lastName: 'a', accountId })));
      expect(await api.faults('updateContact', { id, version: 1, accountId })).toEqual([
        'NOT_FOUND accountId',
      ]);
      expect(
        await api.faults('upsertContact', { externalId: 'e', lastName: 'a', accountId }),
      ).toEqual(['NOT_FOUND accountId']);
      const contacts = [{ lastName: 'a' }, { lastName: 'b', accountId }];
      expect(await api.faults('createContacts', { contacts })).toEqual([
        'NOT_FOUND contacts.1.accountId',
      ]);
    }
    expect(answers.size).toBe(1);
  });

  it('to oneself, or in a circle, is refused', async () => {
    for (const [kind, field, name] of [
      ['Account', 'parentId', 'name'],
      ['Contact', 'reportsToId', 'lastName'],
      ['User', 'managerId', 'name'],
    ] as const) {
      const { id: top } = await api.create(kind, { [name]: 'top' });
      const { id: middle } = await api.create(kind, { [name]: 'middle', [field]: top });
      const { id: bottom } = await api.create(kind, { [name]: 'bottom', [field]: middle });
      expect(await api.faults(`update${kind}`, { id: top, version: 1, [field]: top })).toEqual([
        `INVALID ${field}`,
      ]);
      expect(await api.faults(`update${kind}`, { id: top, version: 1, [field]: bottom })).toEqual([
        `INVALID ${field}`,
      ]);
      expect(await api.faults(`update${kind}`, { id: bottom, version: 1, [field]: top })).toEqual(
        [],
      );
    }
  });

  it('cannot be turned into a circle by two changes at once', async () => {
    const pair = await Promise.all(['a', 'b'].map((name) => api.create('Account', { name })));
    const [a, b] = pair.map(({ id }) => id);
    const results = await Promise.all([
      api.faults('updateAccount', { id: a, version: 1, parentId: b }),
      api.faults('updateAccount', { id: b, version: 1, parentId: a }),
    ]);
    expect(results.flat()).toEqual(['INVALID parentId']);
  });
});

describe('a value that is taken', () => {
  it.each<[string, string, Json, string]>([
    ['sku', 'Product', { name: 'a', sku: 'S-1' }, 'CONFLICT sku'],
    ['e-mail of a user', 'User', { name: 'a', email: 'New@alpha.test' }, 'CONFLICT email'],
    ['external id', 'Account', { name: 'a', externalId: 'X-1' }, 'CONFLICT externalId'],
  ])('conflicts: %s', async (_what, kind, input, fault) => {
    await api.create(kind, input);
    const again = await api.mutate(`create${kind}`, input);
    expect(again.userErrors.map(({ code, field }) => `${code} ${field.join('.')}`)).toEqual([
      fault,
    ]);
    expect(JSON.stringify(again)).not.toMatch(/_key|constraint|duplicate/);
    // Another tenant's values are nobody's business.
    expect(await apiOf(world, 'beta').faults(`create${kind}`, input)).toEqual([]);
  });

  it('is free again once its record is deleted, which then cannot come back', async () => {
    const { id } = await api.create('Product', { name: 'a', sku: 'S-2', externalId: 'P-2' });
    await api.mutate('deleteProduct', { id });
    const { id: other } = await api.create('Product', { name: 'b', sku: 'S-2' });
    expect(await api.faults('restoreProduct', { id })).toEqual(['CONFLICT id']);
    await api.mutate('deleteProduct', { id: other });
    expect(await api.faults('restoreProduct', { id })).toEqual([]);
  });

  it('is told of the record among many, and none of them is made', async () => {
    await api.create('Product', { name: 'a', sku: 'S-3' });
    const before = await count('products');
    const products = [{ name: 'b' }, { name: 'c', sku: 'S-3' }, { name: 'd' }];
    expect(await api.faults('createProducts', { products })).toEqual(['CONFLICT products.1.sku']);
    const twice = [
      { name: 'b', sku: 'S-4' },
      { name: 'c', sku: 'S-4' },
    ];
    expect(await api.faults('createProducts', { products: twice })).toEqual([
      'CONFLICT products.1.sku',
    ]);
    expect(await count('products')).toBe(before);
  });

  it('is a role a contact has at an account already', async () => {
    const { id: accountId } = await api.create('Account', { name: 'a' });
    const { id: contactId } = await api.create('Contact', { lastName: 'c' });
    await api.create('AccountContact', { accountId, contactId });
    expect(await api.faults('createAccountContact', { accountId, contactId })).toEqual([
      'CONFLICT role',
    ]);
    expect(await api.faults('createAccountContact', { accountId, contactId, role: 'r' })).toEqual(
      [],
    );
    expect(
      await api.faults('createAccountContact', {
        accountId,
        contactId,
        role: 'x',
        startedOn: '2026-01-02',
        endedOn: '2026-01-01',
      }),
    ).toEqual(['INVALID endedOn']);
  });
});

describe('many at once', () => {
  it('are all changed or none, with the place of each mistake', async () => {
    const made = await Promise.all(
      ['a', 'b'].map((lastName) => api.create('Contact', { lastName })),
    );
    const [a, b] = made.map(({ id }) => id);
    const change = (id: unknown, version: number, values: Json = {}): Json => ({
      id,
      version,
      ...values,
    });
    const faults = (contacts: Json[]) => api.faults('updateContacts', { contacts });
    expect(await faults([change(a, 1, { title: 'x' }), change(b, 7)])).toEqual([
      'CONFLICT contacts.1.version',
    ]);
    expect(await faults([change(a, 1), change(a, 1)])).toEqual(['CONFLICT contacts.1.version']);
    expect(await faults([change('x', 1), change(b, 1, { lastName: null })])).toEqual([
      'NOT_FOUND contacts.0.id',
    ]);
    expect(await faults([change(a, 1), change(b, 1, { lastName: null })])).toEqual([
      'INVALID contacts.1.lastName',
    ]);
    const gone = toTypeId('contact', uuidv7());
    expect(await api.faults('deleteContacts', { ids: [a, a, gone] })).toEqual(['NOT_FOUND ids.2']);
    expect(
      await api.ask('query ($id: ID!) { contact(id: $id) { version title } }', { id: a }),
    ).toEqual({
      contact: { version: 1, title: null },
    });
  });

  it('are at least one and at most 500', async () => {
    expect(await api.faults('createContacts', { contacts: [] })).toEqual(['INVALID contacts']);
    expect(await api.faults('deleteContacts', { ids: Array<string>(501).fill('x') })).toEqual([
      'INVALID ids',
    ]);
    const contacts = Array.from({ length: 500 }, (_, index) => ({ lastName: `n${index}` }));
    const { contacts: made } = await api.mutate('createContacts', { contacts }, 'lastName');
    expect(made).toEqual(contacts);
  });
});
