import { apiOf } from '../support/api';
import { createWorld, type World } from '../support/world';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.close());

interface Consent {
  readonly id: string;
  readonly purpose: string;
  readonly decision: string;
  readonly decidedAt: string;
}
const FIELDS = 'id contactId purpose decision means evidence decidedAt recordedAt recordedById';

const decide = async (
  name: 'recordConsent' | 'withdrawConsent',
  input: Record<string, unknown>,
) => {
  const { data, errors } = await world.query<
    Record<string, { consent: Consent | null; userErrors: { field: string[]; code: string }[] }>
  >(
    { tenant: 'alpha', role: 'member' },
    `mutation ($input: ConsentInput!) { ${name}(input: $input) { consent { ${FIELDS} } userErrors { field code } } }`,
    { input: { means: 'WEB_FORM', purpose: 'newsletter', ...input } },
  );
  expect(errors).toEqual([]);
  const answer = data[name];
  if (answer === undefined) throw new Error('Expected an answer.');
  return answer;
};
const list = async (contactId: string, rest = ''): Promise<Consent[]> => {
  const { consents } = await apiOf(world).ask<{ consents: Consent[] }>(
    `{ consents(contactId: "${contactId}" ${rest}) { ${FIELDS} } }`,
  );
  return consents;
};

describe('the log of consents', () => {
  it('keeps every decision, and tells which holds', async () => {
    const { id } = await apiOf(world).create('Contact', { lastName: 'Hopper' });
    const given = await decide('recordConsent', {
      contactId: id,
      evidence: 'Yes, send me the newsletter. Form of 2029-12-01',
      decidedAt: '2025-01-02T10:00:00.000Z',
    });
    expect(given).toMatchObject({
      userErrors: [],
      consent: { contactId: id, decision: 'GIVEN', means: 'WEB_FORM' },
    });
    await decide('recordConsent', { contactId: id, purpose: 'calls', means: 'PHONE' });
    await decide('withdrawConsent', { contactId: id, means: 'EMAIL' });
    const all = await list(id);
    expect(all.map(({ purpose, decision }) => `${purpose} ${decision}`)).toEqual([
      'newsletter WITHDRAWN',
      'calls GIVEN',
      'newsletter GIVEN',
    ]);
    expect(all[2]?.decidedAt).toBe('2025-01-02T10:00:00.000Z');
    const now = await list(id, 'current: true');
    expect(now.map(({ purpose, decision }) => `${purpose} ${decision}`)).toEqual([
      'newsletter WITHDRAWN',
      'calls GIVEN',
    ]);
    expect(await list(id, 'purpose: "calls"')).toHaveLength(1);
  });

  it('names what is wrong with a decision', async () => {
    const { id } = await apiOf(world).create('Contact', { lastName: 'Liskov' });
    const foreign = await apiOf(world, 'beta').create('Contact', { lastName: 'Elsewhere' });
    expect((await decide('recordConsent', { contactId: foreign.id })).userErrors).toEqual([
      { field: ['contactId'], code: 'NOT_FOUND' },
    ]);
    expect(await list(foreign.id)).toEqual([]);
    const wrong = { contactId: id, purpose: ' ', decidedAt: '2999-01-01T00:00:00.000Z' };
    expect((await decide('recordConsent', wrong)).userErrors).toEqual([
      { field: ['purpose'], code: 'INVALID' },
      { field: ['decidedAt'], code: 'INVALID' },
    ]);
    const nul = await decide('recordConsent', { contactId: id, evidence: 'a\0b' });
    expect(nul.userErrors).toEqual([{ field: ['evidence'], code: 'INVALID' }]);
  });

  it('cannot be changed, by the server’s own role or any other', async () => {
    const { id } = await apiOf(world).create('Contact', { lastName: 'Lamport' });
    await decide('recordConsent', { contactId: id });
    const { database } = world.tenants.alpha;
    for (const change of [
      `update cloister.consents set decision = 'withdrawn'`,
      'delete from cloister.consents',
    ]) {
      await expect(world.sql(database, change)).rejects.toThrow('consents are only added to');
    }
    // A purge would take the proof with it.
    const { userErrors } = await apiOf(world).mutate('purgeContact', { id });
    expect(userErrors).toHaveLength(1);
  });
});

describe('eraseContact', () => {
  const erase = async (id: string, role: 'admin' | 'member' = 'admin') =>
    world.query<{
      eraseContact: { erasedContactId: string | null; userErrors: { code: string }[] };
    }>(
      { tenant: 'alpha', role },
      'mutation ($id: ID!) { eraseContact(input: { id: $id }) { erasedContactId removedCount userErrors { field code } } }',
      { id },
    );
  /** Tables in which a word stands, wherever in a row, as the superuser sees them. */
  const where = async (word: string): Promise<string[]> => {
    const { database } = world.tenants.alpha;
    const tables = await world.sql<{ name: string }>(
      database,
      `select table_name::text as name from information_schema.tables where table_schema = 'cloister'`,
    );
    const found: string[] = [];
    for (const { name } of tables) {
      const rows = await world.sql(
        database,
        `select 1 from cloister.${name} t where t::text ilike '%' || $1 || '%' limit 1`,
        [word],
      );
      if (rows.length > 0) found.push(name);
    }
    return found.sort();
  };

  it('leaves no trace of the person in any table, and the records that name them', async () => {
    const api = apiOf(world);
    const account = await api.create('Account', { name: 'Stays' });
    const { id, version } = await api.create('Contact', {
      lastName: 'Zuckerkandl',
      email: 'zuckerkandl@example.test',
      birthDate: '1910-01-02',
      mailingAddress: { street: 'Zuckerkandlgasse 1', city: 'Wien' },
      accountId: account.id,
    });
    await api.mutate('updateContact', { id, version, title: 'Dr. Zuckerkandl' });
    await api.create('AccountContact', {
      accountId: account.id,
      contactId: id,
      role: 'Zuckerkandl',
    });
    await api.create('Communication', {
      channel: 'EMAIL',
      direction: 'INBOUND',
      status: 'RECEIVED',
      subject: 'Zuckerkandl writes',
      contactId: id,
    });
    const opportunity = await api.create('Opportunity', { name: 'Kept', primaryContactId: id });
    await decide('recordConsent', { contactId: id, evidence: 'signed: Zuckerkandl' });
    expect(await where('zuckerkandl')).toEqual([
      'account_contacts',
      'change_log',
      'communications',
      'consents',
      'contacts',
    ]);

    expect((await erase(id, 'member')).errors[0]?.extensions.code).toBe('FORBIDDEN');
    const { data } = await erase(id);
    expect(data.eraseContact).toMatchObject({ erasedContactId: id, userErrors: [] });
    expect(await where('zuckerkandl')).toEqual([]);
    expect(await where('1910-01-02')).toEqual([]);
    expect(
      await api.ask(
        `{ contact(id: "${id}") { id } opportunity(id: "${opportunity.id}") { name } }`,
      ),
    ).toMatchObject({ opportunity: { name: 'Kept' } });
    expect(await list(id)).toEqual([]);

    // Whoever follows the history learns that the records changed or went.
    const log = await world.sql<{ table_name: string; operation: string }>(
      world.tenants.alpha.database,
      `select table_name, operation from cloister.change_log
       where table_name in ('contacts', 'communications', 'account_contacts', 'consents')
       order by epoch, seq desc limit 4`,
    );
    expect(log.map(({ table_name: table, operation }) => `${table} ${operation}`).sort()).toEqual([
      'account_contacts delete',
      'communications delete',
      'consents delete',
      'contacts touch',
    ]);
    // Once more finds the empty record, and nothing to remove.
    expect((await erase(id)).data.eraseContact).toMatchObject({ removedCount: 0 });
  });

  it('answers for somebody else’s contact as for one that nobody has', async () => {
    const foreign = await apiOf(world, 'beta').create('Contact', { lastName: 'Elsewhere' });
    const { data } = await erase(foreign.id);
    expect(data.eraseContact.userErrors).toEqual([{ field: ['id'], code: 'NOT_FOUND' }]);
  });
});
