import { Client } from 'pg';
import { apiOf, type Api } from '../support/api';
import { createWorld, type World } from '../support/world';

let world: World;
let api: Api;
beforeAll(async () => {
  world = await createWorld();
  api = apiOf(world);
});
afterAll(() => world.close());

/** Waits until a statement on the table has been sent. */
async function sent(table: string): Promise<void> {
  while (!world.statements.some(({ text }) => text.includes(`from cloister.${table}`))) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('a query of several levels', () => {
  it('sees one moment: what is committed between its levels is not there yet', async () => {
    const { id } = await api.create('Account', { name: 'before' });
    await api.create('Contact', { lastName: 'before', accountId: id });
    const other = new Client({ connectionString: world.tenants.alpha.database.superuserUrl });
    await other.connect();
    try {
      world.forgetStatements();
      // The second level waits at the lock until its records have changed.
      await other.query('begin; lock table cloister.contacts in access exclusive mode');
      const asked = api.ask(
        'query ($id: ID!) { account(id: $id) { name contacts { totalCount nodes { lastName } } } }',
        { id },
      );
      await sent('contacts');
      await other.query("update cloister.contacts set last_name = 'after'; commit");
      expect(await asked).toEqual({
        account: { name: 'before', contacts: { totalCount: 1, nodes: [{ lastName: 'before' }] } },
      });
    } finally {
      await other.end();
    }
    const now = await api.ask('{ contacts { nodes { lastName } } }');
    expect(now).toEqual({ contacts: { nodes: [{ lastName: 'after' }] } });
  });
});

describe('the mutations of one operation', () => {
  it('are committed one by one, each before what it shows is read', async () => {
    const { id } = await api.create('Account', { name: 'one' });
    const answer = await api.ask(
      `mutation ($id: ID!) {
        first: updateAccount(input: { id: $id, version: 1, name: "two" }) {
          account { name contacts { totalCount } }
        }
        created: createContact(input: { lastName: "c", accountId: $id }) {
          contact { account { name contacts { totalCount } } }
        }
        refused: updateAccount(input: { id: $id, version: 1, name: "three" }) {
          account { name } userErrors { code }
        }
        second: updateAccount(input: { id: $id, version: 2, name: "four" }) {
          account { name contacts { totalCount nodes { account { name } } } }
        }
      }`,
      { id },
    );
    expect(answer).toEqual({
      first: { account: { name: 'two', contacts: { totalCount: 0 } } },
      created: { contact: { account: { name: 'two', contacts: { totalCount: 1 } } } },
      refused: { account: null, userErrors: [{ code: 'CONFLICT' }] },
      second: {
        account: {
          name: 'four',
          contacts: { totalCount: 1, nodes: [{ account: { name: 'four' } }] },
        },
      },
    });
  });

  it('stand though a later one fails', async () => {
    const { data, errors } = await world.query(
      { tenant: 'alpha', role: 'member' },
      `mutation {
        made: createProduct(input: { name: "stays" }) { product { name } }
        purged: purgeProduct(input: { id: "x" }) { userErrors { code } }
      }`,
    );
    expect(errors.map(({ extensions }) => extensions.code)).toEqual(['FORBIDDEN']);
    expect(data).toBeDefined();
    const products = await api.ask('{ products { nodes { name } } }');
    expect(products).toEqual({ products: { nodes: [{ name: 'stays' }] } });
  });

  it('leave nothing of one that is refused half way', async () => {
    const { id } = await api.create('Event', { name: 'kept' });
    const { id: dateId } = await api.create('EventDate', {
      eventId: id,
      startsAt: '2030-01-01T00:00:00Z',
    });
    const { id: other } = await api.create('Event', { name: 'other' });
    await api.mutate('deleteEvent', { id: other });
    expect(await api.faults('deleteEvents', { ids: [id, other] })).toEqual(['NOT_FOUND ids.1']);
    const kept = await api.ask(
      'query ($id: ID!) { eventDate(id: $id) { event { name version } } }',
      { id: dateId },
    );
    expect(kept).toEqual({ eventDate: { event: { name: 'kept', version: 1 } } });
  });
});
