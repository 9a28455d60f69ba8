import { apiOf, type Api, type Json } from '../support/api';
import { createWorld, type World } from '../support/world';

let world: World;
let api: Api;
beforeAll(async () => {
  world = await createWorld();
  api = apiOf(world);
});
afterAll(() => world.close());

const isThere = async (field: string, id: string): Promise<boolean> =>
  (await api.ask(`query ($id: ID!) { ${field}(id: $id) { id } }`, { id }))[field] !== null;

describe('the parts of a record', () => {
  it('go and come back with the whole, but not those that went before', async () => {
    const { id: opportunityId } = await api.create('Opportunity', { name: 'Deal' });
    const item = async (): Promise<string> =>
      (await api.create('OpportunityLineItem', { opportunityId })).id;
    const [early, late] = [await item(), await item()];
    await api.mutate('deleteOpportunityLineItem', { id: early });
    await api.mutate('deleteOpportunity', { id: opportunityId });
    expect(await isThere('opportunityLineItem', late)).toBe(false);

    expect(await api.faults('restoreOpportunityLineItem', { id: late })).toEqual(['CONFLICT id']);
    expect(await api.faults('restoreOpportunity', { id: opportunityId })).toEqual([]);
    expect(await isThere('opportunityLineItem', late)).toBe(true);
    expect(await isThere('opportunityLineItem', early)).toBe(false);
    expect(await api.faults('restoreOpportunityLineItem', { id: early })).toEqual([]);
  });

  it('stay away while another whole of theirs is deleted', async () => {
    const { id: accountId } = await api.create('Account', { name: 'a' });
    const { id: contactId } = await api.create('Contact', { lastName: 'c' });
    const { id } = await api.create('AccountContact', { accountId, contactId });
    await api.mutate('deleteAccount', { id: accountId });
    await api.mutate('deleteContact', { id: contactId });
    await api.mutate('restoreAccount', { id: accountId });
    expect(await isThere('accountContact', id)).toBe(false);
  });

  it('are removed for good with the whole', async () => {
    const { id: eventId } = await api.create('Event', { name: 'e' });
    const { id } = await api.create('EventDate', { eventId, startsAt: '2030-01-01T00:00:00Z' });
    expect(await api.faults('purgeEvent', { id: eventId })).toEqual([]);
    expect(await isThere('eventDate', id)).toBe(false);
    expect(await api.faults('restoreEventDate', { id })).toEqual(['NOT_FOUND id']);
  });
});

describe('a record that others refer to', () => {
  it('is not removed for good, and reads null there once it is deleted', async () => {
    const { id: accountId } = await api.create('Account', { name: 'a' });
    const { id } = await api.create('Contact', { lastName: 'c', accountId });
    expect(await api.faults('purgeAccount', { id: accountId })).toEqual(['CONFLICT id']);
    await api.mutate('deleteAccount', { id: accountId });
    const read = 'query ($id: ID!) { contact(id: $id) { account { id } } }';
    expect(await api.ask(read, { id })).toEqual({ contact: { account: null } });
    // What does not touch the reference can be changed all the same.
    expect(await api.faults('updateContact', { id, version: 1, title: 't' })).toEqual([]);
    await api.mutate('restoreAccount', { id: accountId });
    expect(await api.ask(read, { id })).toEqual({ contact: { account: { id: accountId } } });
  });
});

describe('removal for good', () => {
  it('is for admins', async () => {
    const { id } = await api.create('Account', { name: 'a' });
    const member = apiOf(world, 'alpha', 'member');
    const purge =
      'mutation ($id: ID!) { purgeAccount(input: { id: $id }) { userErrors { code } } }';
    expect(await member.fails(purge, { id })).toBe('FORBIDDEN');
    expect(await isThere('account', id)).toBe(true);
  });
});

describe('an address', () => {
  it('is filtered by its parts, which follow every change', async () => {
    const { id } = await api.create('Account', {
      name: 'addressed',
      billingAddress: { street: 'Ring 1', city: 'Vienna' },
    });
    const inCity = async (city: string): Promise<unknown> =>
      (
        await api.ask(
          `query ($city: String!) {
            accounts(filter: { billingAddress: { city: { eq: $city } } }) { nodes { id } }
          }`,
          { city },
        )
      )['accounts'];
    expect(await inCity('Vienna')).toEqual({ nodes: [{ id }] });
    const { account } = await api.mutate(
      'updateAccount',
      { id, version: 1, billingAddress: { city: 'Graz', region: null } },
      'billingAddress { street city region }',
    );
    // It replaces the whole: the street is gone.
    expect(account).toEqual({ billingAddress: { street: null, city: 'Graz', region: null } });
    expect(await inCity('Vienna')).toEqual({ nodes: [] });
    expect(await inCity('Graz')).toEqual({ nodes: [{ id }] });
    await api.mutate('updateAccount', { id, version: 2, billingAddress: null });
    expect(await inCity('Graz')).toEqual({ nodes: [] });
    const [row] = await world.sql(
      world.tenants.alpha.database,
      'select billing_address, billing_city from cloister.accounts where name = $1',
      ['addressed'],
    );
    expect(row).toEqual({ billing_address: null, billing_city: null });
  });
});

describe('money', () => {
  it('keeps every digit, and goes with its currency', async () => {
    const money = { amount: '1234567890123456.7891', currencyCode: 'JPY' };
    const select = 'id version amount { amount currencyCode }';
    const made = await api.create<Json>('Opportunity', { name: 'm', amount: money }, select);
    expect(made['amount']).toEqual(money);
    const { opportunity } = await api.mutate(
      'updateOpportunity',
      { id: made['id'], version: 1, amount: null },
      select,
    );
    expect((opportunity as Json)['amount']).toBeNull();
  });
});

describe('a default', () => {
  it('stands for what is left out of a new record, and for null', async () => {
    const made = await api.create<Json>('Opportunity', { name: 'd', stage: null }, 'id stage');
    expect(made['stage']).toBe('PROSPECTING');
    const { opportunity } = await api.mutate(
      'updateOpportunity',
      { id: made['id'], version: 1, stage: 'LOST' },
      'stage isClosed isWon',
    );
    expect(opportunity).toEqual({ stage: 'LOST', isClosed: true, isWon: false });
    const again = await api.mutate(
      'updateOpportunity',
      { id: made['id'], version: 2, stage: null },
      'stage',
    );
    expect(again['opportunity']).toEqual({ stage: 'PROSPECTING' });
  });
});
