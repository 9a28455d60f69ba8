import { uuidv7 } from 'uuidv7';
import { kinds } from '../../src/crm/kinds';
import { toTypeId } from '../../src/lib/type-id';
import { apiOf, type Api, type Json } from '../support/api';
import { createWorld, type World } from '../support/world';

/** What a record of each kind needs, a change to it, and what the change shows. */
interface Sample {
  readonly input: (api: Api) => Promise<Json>;
  readonly change: Json;
  readonly shown?: Json;
  readonly select: string;
  /** A field that may be cleared. */
  readonly optional: string;
  /** A field that may not. */
  readonly required?: string;
}

const ids = async (api: Api, kind: string, input: Json): Promise<string> =>
  (await api.create(kind, input)).id;

const SAMPLES: Readonly<Record<string, Sample>> = {
  User: {
    input: async () => ({ name: 'Uma', title: 'Seller' }),
    change: { name: 'Una' },
    select: 'name',
    optional: 'title',
    required: 'name',
  },
  Account: {
    input: async () => ({ name: 'Acme', industry: 'tools' }),
    change: { name: 'Acme Ltd', accountType: 'CUSTOMER' },
    select: 'name accountType',
    optional: 'industry',
    required: 'name',
  },
  Contact: {
    input: async () => ({ firstName: 'Ada', lastName: 'Byron' }),
    change: { lastName: 'Lovelace' },
    shown: { lastName: 'Lovelace', fullName: 'Ada Lovelace' },
    select: 'lastName fullName',
    optional: 'firstName',
    required: 'lastName',
  },
  AccountContact: {
    input: async (api) => ({
      accountId: await ids(api, 'Account', { name: 'A' }),
      contactId: await ids(api, 'Contact', { lastName: 'C' }),
      role: 'adviser',
    }),
    change: { isPrimary: true },
    select: 'isPrimary',
    optional: 'role',
    required: 'accountId',
  },
  Product: {
    input: async () => ({ name: 'Anvil', family: 'iron' }),
    change: { listPrice: { amount: '12.5', currencyCode: 'EUR' } },
    select: 'listPrice { amount currencyCode }',
    optional: 'family',
    required: 'name',
  },
  Opportunity: {
    input: async () => ({ name: 'Deal', leadSource: 'fair' }),
    change: { stage: 'WON' },
    shown: { stage: 'WON', isClosed: true, isWon: true },
    select: 'stage isClosed isWon',
    optional: 'leadSource',
    required: 'name',
  },
  OpportunityLineItem: {
    input: async (api) => ({
      opportunityId: await ids(api, 'Opportunity', { name: 'Deal' }),
      description: 'words',
    }),
    change: {
      quantity: '3',
      unitPrice: { amount: '9.99', currencyCode: 'EUR' },
      discountPercent: '10',
    },
    shown: { quantity: '3', totalPrice: { amount: '26.973', currencyCode: 'EUR' } },
    select: 'quantity totalPrice { amount currencyCode }',
    optional: 'description',
    required: 'opportunityId',
  },
  Location: {
    input: async () => ({ name: 'Town hall', timeZone: 'Europe/Vienna' }),
    change: { address: { city: 'Vienna', countryCode: 'AT' } },
    shown: { address: { city: 'Vienna', street: null } },
    select: 'address { city street }',
    optional: 'timeZone',
    required: 'name',
  },
  Event: {
    input: async () => ({ name: 'Fair', expectedAttendees: 12 }),
    change: { startsAt: '2030-05-01T10:00:00.000Z', eventType: 'TRADE_SHOW' },
    select: 'startsAt eventType',
    optional: 'expectedAttendees',
    required: 'name',
  },
  EventDate: {
    input: async () => ({ startsAt: '2030-05-01T10:00:00.000Z', title: 'Opening' }),
    change: { endsAt: '2030-05-01T12:00:00.000Z' },
    select: 'endsAt',
    optional: 'title',
    required: 'startsAt',
  },
  Communication: {
    input: async () => ({ channel: 'SMS', direction: 'OUTBOUND', body: 'See you at nine.' }),
    change: { status: 'DELIVERED', media: [{ url: 'https://example.test/map.png' }] },
    select: 'status media',
    optional: 'body',
    required: 'channel',
  },
};

function sampleOf(kind: string): Sample {
  const sample = SAMPLES[kind];
  if (sample === undefined)
    throw new Error(`Expected a sample of ${kind} to try its mutations with.`);
  return sample;
}

let world: World;
let api: Api;
beforeAll(async () => {
  world = await createWorld();
  api = apiOf(world);
});
afterAll(() => world.close());

describe.each(kinds.kinds)('$name', ({ name, singular, plural, idPrefix }) => {
  const many = plural.charAt(0).toUpperCase() + plural.slice(1);
  const sample = sampleOf(name);
  const read = async (id: string, select = 'id'): Promise<Json | null> =>
    (await api.ask(`query ($id: ID!) { ${singular}(id: $id) { ${select} } }`, { id }))[
      singular
    ] as Json | null;
  const create = async (): Promise<{ id: string; version: number }> =>
    api.create(name, await sample.input(api));

  it('is created and read by its id, by node and in the list', async () => {
    const { id, version } = await create();
    expect(version).toBe(1);
    expect(id.startsWith(`${idPrefix}_`)).toBe(true);
    expect(await read(id)).toEqual({ id });
    expect(
      await api.ask(
        `query ($id: ID!, $ids: [ID!]!) {
          node(id: $id) { __typename id }
          nodes(ids: $ids) { id }
          ${plural}(filter: { id: { eq: $id } }) { nodes { id } totalCount }
        }`,
        { id, ids: [toTypeId(idPrefix, uuidv7()), id] },
      ),
    ).toEqual({
      node: { __typename: name, id },
      nodes: [null, { id }],
      [plural]: { nodes: [{ id }], totalCount: 1 },
    });
  });

  it('is changed by who knows its version', async () => {
    const { id } = await create();
    const { [singular]: changed } = await api.mutate(
      `update${name}`,
      { id, version: 1, ...sample.change },
      `version ${sample.select}`,
    );
    expect(changed).toMatchObject({ version: 2, ...(sample.shown ?? sample.change) });
    expect(await read(id, `version ${sample.select}`)).toEqual(changed);
    expect(await api.faults(`update${name}`, { id, version: 1, ...sample.change })).toEqual([
      'CONFLICT version',
    ]);
  });

  it('clears what may be empty by null, and refuses to clear what may not', async () => {
    const { id } = await create();
    const { optional, required } = sample;
    const { [singular]: cleared } = await api.mutate(
      `update${name}`,
      { id, version: 1, [optional]: null },
      optional,
    );
    expect(cleared).toEqual({ [optional]: null });
    if (required === undefined) return;
    expect(await api.faults(`update${name}`, { id, version: 2, [required]: null })).toEqual([
      `INVALID ${required}`,
    ]);
  });

  it('is created, changed and left alone by its external id', async () => {
    const externalId = `crm-${name}`;
    const input = { ...(await sample.input(api)), externalId };
    const select = `id version externalId`;
    const { [singular]: created } = await api.mutate(`upsert${name}`, input, select);
    expect(created).toMatchObject({ version: 1, externalId });
    const { [singular]: unchanged } = await api.mutate(`upsert${name}`, input, select);
    expect(unchanged).toEqual(created);
    const changing = { ...input, ...sample.change };
    const { [singular]: changed } = await api.mutate(`upsert${name}`, changing, select);
    expect(changed).toEqual({ ...(created as Json), version: 2 });
  });

  it('is created, changed and deleted by many at once', async () => {
    const inputs = [await sample.input(api), await sample.input(api)];
    const made = (await api.mutate(`create${many}`, { [plural]: inputs }))[plural] as {
      id: string;
    }[];
    expect(made).toHaveLength(2);
    const updates = made.map(({ id }) => ({ id, version: 1, ...sample.change }));
    const changed = await api.mutate(`update${many}`, { [plural]: updates }, 'id version');
    expect(changed[plural]).toEqual(made.map(({ id }) => ({ id, version: 2 })));
    const [first, second] = made.map(({ id }) => id);
    const deleted = await api.mutate(`delete${many}`, { ids: [second, first, second] }, 'id');
    expect(deleted[plural]).toEqual([{ id: second }, { id: first }]);
    expect(await read(String(first))).toBeNull();
  });

  it('is gone when deleted, back when restored, and gone for good when purged', async () => {
    const { id } = await create();
    const { [singular]: deleted } = await api.mutate(`delete${name}`, { id }, 'id deletedAt');
    expect(deleted).toEqual({ id, deletedAt: expect.any(String) as string });
    expect(await read(id)).toBeNull();
    const list = `query ($id: ID!, $deleted: Boolean) {
      ${plural}(filter: { id: { eq: $id } }, includeDeleted: $deleted) { nodes { id } }
    }`;
    expect(await api.ask(list, { id })).toEqual({ [plural]: { nodes: [] } });
    expect(await api.ask(list, { id, deleted: true })).toEqual({ [plural]: { nodes: [{ id }] } });
    expect(await api.faults(`delete${name}`, { id })).toEqual(['NOT_FOUND id']);
    expect(await api.faults(`update${name}`, { id, version: 2 })).toEqual(['NOT_FOUND id']);

    await api.mutate(`restore${name}`, { id });
    expect(await read(id, 'id deletedAt')).toEqual({ id, deletedAt: null });
    expect(await api.faults(`restore${name}`, { id })).toEqual(['NOT_FOUND id']);

    expect(await api.mutate(`purge${name}`, { id })).toEqual({
      [`purged${name}Id`]: id,
      userErrors: [],
    });
    expect(await api.faults(`restore${name}`, { id })).toEqual(['NOT_FOUND id']);
    expect(await api.ask(list, { id, deleted: true })).toEqual({ [plural]: { nodes: [] } });
  });

  it('is not found by an id of another kind, a random one or none at all', async () => {
    for (const id of [
      toTypeId('other', uuidv7()),
      toTypeId(idPrefix, uuidv7()),
      'x',
      '',
      `${idPrefix}_`,
    ]) {
      expect(await read(id)).toBeNull();
      expect(await api.faults(`update${name}`, { id, version: 1 })).toEqual(['NOT_FOUND id']);
      expect(await api.faults(`delete${name}`, { id })).toEqual(['NOT_FOUND id']);
      expect(await api.faults(`delete${many}`, { ids: [id] })).toEqual(['NOT_FOUND ids.0']);
      expect(await api.faults(`restore${name}`, { id })).toEqual(['NOT_FOUND id']);
      expect(await api.faults(`purge${name}`, { id })).toEqual(['NOT_FOUND id']);
    }
  });
});
