/** Messages and calls as records: what is their own beside what every kind does. */
import { apiOf, type Api, type Json } from '../support/api';
import { createWorld, type World } from '../support/world';

let world: World;
let api: Api;
beforeAll(async () => {
  world = await createWorld();
  api = apiOf(world);
});
afterAll(() => world.close());

const sms: Json = { channel: 'SMS', direction: 'OUTBOUND', body: 'See you at nine.' };

describe('a communication', () => {
  it('took place now, unless it says when', async () => {
    const before = Date.now();
    const { communication } = await api.mutate('createCommunication', sms, 'occurredAt status');
    const { occurredAt, status } = communication as { occurredAt: string; status: string };
    expect(Math.abs(Date.parse(occurredAt) - before)).toBeLessThan(60_000);
    expect(status).toBe('COMPLETED');
  });

  it('stands with the contact, the company, the deal, the event and the user it belongs to', async () => {
    const parents = {
      accountId: (await api.create('Account', { name: 'Acme' })).id,
      contactId: (await api.create('Contact', { lastName: 'Byron' })).id,
      opportunityId: (await api.create('Opportunity', { name: 'Deal' })).id,
      eventId: (await api.create('Event', { name: 'Fair' })).id,
      ownerId: (await api.create('User', { name: 'Uma' })).id,
    };
    const { id } = await api.create('Communication', { ...sms, ...parents });
    const lists = Object.keys(parents).map((field) => {
      const name = field.replace(/Id$/, '');
      return `${name} { communications { nodes { id } } }`;
    });
    const answer = await api.ask(
      `query ($id: ID!) { communication(id: $id) { ${lists.join(' ')} } }`,
      { id },
    );
    expect(answer['communication']).toEqual(
      Object.fromEntries(
        Object.keys(parents).map((field) => [
          field.replace(/Id$/, ''),
          { communications: { nodes: [{ id }] } },
        ]),
      ),
    );
  });

  it('is listed latest first, by when it took place', async () => {
    const subject = 'ordered';
    for (const occurredAt of [
      '2024-02-01T10:00:00Z',
      '2024-03-01T10:00:00Z',
      '2024-01-01T10:00:00Z',
    ])
      await api.create('Communication', { ...sms, subject, occurredAt });
    const { communications } = await api.ask(
      '{ communications(filter: { subject: { eq: "ordered" } }) { nodes { occurredAt } } }',
    );
    expect(
      (communications as { nodes: { occurredAt: string }[] }).nodes.map((n) => n.occurredAt),
    ).toEqual(['2024-03-01T10:00:00.000Z', '2024-02-01T10:00:00.000Z', '2024-01-01T10:00:00.000Z']);
  });

  it('keeps its media as they were given', async () => {
    const media = [{ url: 'https://media.example/ü.jpg', contentType: 'image/jpeg', size: 1.5 }];
    const { communication } = await api.mutate(
      'createCommunication',
      { ...sms, media },
      'id media',
    );
    expect(communication).toMatchObject({ media });
    const { communications } = await api.ask(
      '{ communications(filter: { media: { isNull: false } }) { nodes { media } } }',
    );
    expect(communications).toEqual({ nodes: [{ media }] });
  });

  it('takes as media objects and lists of storable text only', async () => {
    const faults = (media: unknown) => api.faults('createCommunication', { ...sms, media });
    expect(await faults([{ note: 'a\u0000b' }])).toEqual(['INVALID media']);
    expect(await faults([{ '\ud800': 'x' }])).toEqual(['INVALID media']);
    expect(await faults(['x'.repeat(70_000)])).toEqual(['INVALID media']);
    const scalar = await world.query(
      { tenant: 'alpha' },
      'mutation ($input: CreateCommunicationInput!) { createCommunication(input: $input) { userErrors { code } } }',
      { input: { ...sms, media: 'text' } },
    );
    expect(scalar.errors[0]?.extensions.code).toBe('BAD_USER_INPUT');
  });

  it('is one for each message of a provider', async () => {
    const message = { ...sms, provider: 'twilio', providerMessageId: 'SM1' };
    const { id } = await api.create('Communication', message);
    expect(await api.faults('createCommunication', message)).toEqual([
      'CONFLICT providerMessageId',
    ]);
    await api.create('Communication', { ...message, provider: 'other' });
    // Also when it was deleted since: its provider may deliver it again.
    await api.mutate('deleteCommunication', { id });
    expect(await api.faults('createCommunication', message)).toEqual([
      'CONFLICT providerMessageId',
    ]);
    expect(await api.faults('createCommunication', { ...sms, providerMessageId: 'SM2' })).toEqual([
      'INVALID providerMessageId',
    ]);
  });

  it('is matched to a contact by what comes in alone', async () => {
    const answer = await world.query(
      { tenant: 'alpha' },
      'mutation { createCommunication(input: { channel: SMS, direction: INBOUND, contactMatch: MATCHED }) { userErrors { code } } }',
    );
    expect(answer.status).toBe(400);
  });
});
