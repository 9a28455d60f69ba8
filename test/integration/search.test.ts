/**
 * The root field `search`: what is found and in which order, that it is found by an index beneath the
 * policies, and that the functions beneath it give nobody another tenant's records.
 */
import { Client } from 'pg';
import { createWorld, type Answer, type TenantName, type World } from '../support/world';

interface Hit {
  readonly kind: string;
  readonly rank: number;
  readonly matchedField: string;
  readonly matchedText: string;
  readonly record: { readonly id: string; readonly __typename: string };
}

const SEARCH = `query ($query: String!, $kinds: [SearchKind!], $first: Int) {
  search(query: $query, kinds: $kinds, first: $first) {
    kind rank matchedField matchedText
    record { __typename id ... on Contact { lastName } ... on Account { name industry } }
  }
}`;

let world: World;
beforeAll(async () => {
  world = await createWorld();
  await createContacts('alpha', [
    { firstName: 'Anna', lastName: 'Lindqvist', email: 'anna@lindqvist.test' },
    { firstName: 'José', lastName: 'García', email: 'Jose.Garcia@example.test' },
    { firstName: 'Lina', lastName: 'Berg', phone: '+4930123456' },
    { firstName: 'Zoe', lastName: 'Müller', mobilePhone: '+493099887766' },
    { lastName: 'Søren Weiß', email: '50%_off@example.test' },
    { firstName: 'Дмитрий', lastName: 'Соколов' },
    { firstName: '明', lastName: '李' },
    { firstName: 'Conan', lastName: "O'Brien" },
  ]);
  await createContacts('beta', [{ firstName: 'Anna', lastName: 'Lindqvist' }]);
  await create('alpha', 'createAccounts', [
    { name: 'Lindqvist Logistics', website: 'https://www.lindlog.test/' },
    { name: 'Umbrella', email: 'info@umbrella.test' },
  ]);
});
afterAll(() => world.close());

async function create(tenant: TenantName, mutation: string, records: readonly object[]) {
  const type = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input!`;
  const list = mutation === 'createContacts' ? 'contacts' : 'accounts';
  const { data, errors } = await world.query<
    Record<string, Record<string, readonly { id: string }[]>>
  >(
    { tenant },
    `mutation ($input: ${type}) { ${mutation}(input: $input) { ${list} { id } userErrors { message } } }`,
    { input: { [list]: records } },
  );
  expect({ errors, userErrors: data[mutation]?.['userErrors'] }).toEqual({
    errors: [],
    userErrors: [],
  });
  return (data[mutation]?.[list] ?? []).map(({ id }) => id);
}
const createContacts = (tenant: TenantName, records: readonly object[]) =>
  create(tenant, 'createContacts', records);

const ask = (
  query: string,
  more: Record<string, unknown> = {},
  tenant: TenantName = 'alpha',
): Promise<Answer<{ search: Hit[] }>> =>
  world.query({ tenant, role: 'reader' }, SEARCH, { query, ...more });

async function found(...given: Parameters<typeof ask>): Promise<string[]> {
  const { data, errors } = await ask(...given);
  expect(errors).toEqual([]);
  return data.search.map(({ matchedText }) => matchedText);
}

describe('a search', () => {
  it('finds records of all kinds by their words, and shows what fitted', async () => {
    const { data, errors } = await ask('lindqvist');
    expect(errors).toEqual([]);
    expect(data.search).toMatchObject([
      {
        kind: 'CONTACT',
        matchedField: 'fullName',
        matchedText: 'Anna Lindqvist',
        record: { __typename: 'Contact', lastName: 'Lindqvist' },
      },
      {
        kind: 'ACCOUNT',
        matchedField: 'name',
        matchedText: 'Lindqvist Logistics',
        record: { __typename: 'Account', name: 'Lindqvist Logistics', industry: null },
      },
    ]);
    expect(data.search[0]?.record.id).toMatch(/^contact_/);
    expect(await found('lindqvist', { kinds: ['ACCOUNT'] })).toEqual(['Lindqvist Logistics']);
    expect(await found('lindqvist', { kinds: [] })).toEqual([]);
    expect(await found('lindqvist', { first: 1 })).toEqual(['Anna Lindqvist']);
  });

  it('is one statement, and one for each kind of the records shown', async () => {
    world.forgetStatements();
    await found('lindqvist');
    expect(world.statements.filter(({ text }) => text.includes('search_tables('))).toHaveLength(1);
    expect(world.statements.filter(({ text }) => / from cloister\.\w+ t/.test(text))).toHaveLength(
      2,
    );
    world.forgetStatements();
    await world.query({ tenant: 'alpha' }, '{ search(query: "anna") { rank matchedText } }');
    expect(world.statements.filter(({ text }) => !text.includes('user_sessions'))).toHaveLength(1);
  });

  it('ranks whole words above beginnings, beginnings above likeness, and names above the rest', async () => {
    const { data } = await ask('lin');
    const [first, ...rest] = data.search;
    expect(first?.matchedText).toBe('Lina Berg');
    expect(rest.map(({ matchedText }) => matchedText)).toEqual(
      expect.arrayContaining(['Anna Lindqvist', 'Lindqvist Logistics']),
    );
    const ranks = data.search.map(({ rank }) => rank);
    expect([...ranks].sort((a, b) => b - a)).toEqual(ranks);
    expect(ranks.every((rank) => rank > 1 / 3 && rank < 2 / 3)).toBe(true);
    const exact = await ask('Anna Lindqvist');
    expect(exact.data.search[0]).toMatchObject({ rank: 1, matchedText: 'Anna Lindqvist' });
    const liked = await ask('lindqvst');
    expect(liked.data.search[0]?.rank).toBeLessThan(1 / 3);
  });

  it('asks for every word, in any order, whole or not', async () => {
    expect(await found('lindq ann')).toEqual(['Anna Lindqvist']);
    expect(await found('anna garcia')).toEqual([]);
    expect(await found('anna lindqvist test one two three four five six')).toEqual([]);
  });

  it.each([
    ['Jose', 'José García'],
    ['josé', 'José García'],
    ['GARCIA', 'José García'],
    ['garci\u0301a', 'José García'],
    ['Muller', 'Zoe Müller'],
    ['ZOË', 'Zoe Müller'],
    ['soren weiss', 'Søren Weiß'],
    ['Weiß', 'Søren Weiß'],
    ['соколов', 'Дмитрий Соколов'],
    ['Сокол', 'Дмитрий Соколов'],
    ['李', '明 李'],
    ['obrien', "Conan O'Brien"],
    ['o’brien', "Conan O'Brien"],
  ])('takes no offence at accents, capitals and letters: %s', async (query, text) => {
    expect((await found(query))[0]).toBe(text);
  });

  it.each([
    ['lindqvst', 'left out'],
    ['lindqviist', 'doubled'],
    ['lindkvist', 'another'],
    ['lindqivst', 'swapped'],
    ['ana lindqvist', 'in one of the words'],
  ])('forgives a letter: %s (%s)', async (query) => {
    expect(await found(query)).toContain('Anna Lindqvist');
  });

  it('finds by e-mail, whole or its beginning, and guesses at none that is there', async () => {
    for (const query of [
      'jose.garcia@example.test',
      'JOSE.GARCIA@EXAMPLE.TEST',
      'jose.garcia@ex',
    ]) {
      expect(await found(query)).toEqual(['Jose.Garcia@example.test']);
    }
    expect(await found('info@umbrella.test')).toEqual(['info@umbrella.test']);
  });

  it('guesses at no address in one kind that another kind has', async () => {
    const [id] = await create('alpha', 'createAccounts', [
      { name: 'Kvist', email: 'office@garcia-example.test', phone: '+49301234567' },
    ]);
    try {
      for (const query of ['jose.garcia@example.test', 'jose.garcia@ex']) {
        expect(await found(query)).toEqual(['Jose.Garcia@example.test']);
      }
      expect(await found('493099887766')).toEqual(['+493099887766']);
      // Nobody has it: that is when a guess is welcome, in each kind.
      expect(await found('josef.garcia@example.test')).toEqual(
        expect.arrayContaining(['Jose.Garcia@example.test', 'office@garcia-example.test']),
      );
      // Nor has any of the kinds that were asked for.
      expect(await found('jose.garcia@example.test', { kinds: ['ACCOUNT'] })).toContain(
        'office@garcia-example.test',
      );
    } finally {
      await world.query(
        { tenant: 'alpha' },
        'mutation ($input: DeleteAccountInput!) { deleteAccount(input: $input) { userErrors { message } } }',
        { input: { id } },
      );
    }
  });

  it('finds by telephone number, however it is written', async () => {
    expect(await found('+49 (30) 123-456')).toEqual(['+4930123456']);
    expect(await found('493099887')).toEqual(['+493099887766']);
  });

  it('takes every character as itself', async () => {
    for (const query of [
      '%',
      '_',
      '\\',
      '%%%',
      '*',
      "'",
      '|',
      '@',
      '',
      '   ',
      '\u0000',
      '\ud800',
    ]) {
      expect({ query, found: await found(query) }).toEqual({ query, found: [] });
    }
    expect(await found('50%_off@example.test')).toEqual(['50%_off@example.test']);
    const { data } = await ask('l_ndqvist'); // like it, but not by a wildcard
    expect(data.search.every(({ rank }) => rank < 1 / 3)).toBe(true);
  });

  it('answers whatever the length', async () => {
    for (const query of [
      'anna '.repeat(10_000),
      'x'.repeat(100_000),
      '李'.repeat(5000),
      'a b c d e f g h i j',
    ]) {
      const { status, errors } = await ask(query);
      expect({ status, errors }).toEqual({ status: 200, errors: [] });
    }
  });

  it('refuses a number of results that it does not give', async () => {
    for (const first of [0, -1, 51]) {
      const { errors } = await ask('anna', { first });
      expect(errors.map(({ extensions }) => extensions.code)).toEqual(['BAD_USER_INPUT']);
    }
  });

  it('follows what is written, deleted and restored', async () => {
    const [id] = await createContacts('alpha', [{ lastName: 'Quetzalcoatl' }]);
    const mutate = (mutation: string, input: object) =>
      world.query(
        { tenant: 'alpha' },
        `mutation ($input: ${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input!) { ${mutation}(input: $input) { userErrors { message } } }`,
        { input },
      );
    expect(await found('quetzalcoatl')).toEqual(['Quetzalcoatl']);
    await mutate('updateContact', { id, version: 1, lastName: 'Xolotl' });
    expect(await found('quetzalcoatl')).toEqual([]);
    expect(await found('xolotl')).toEqual(['Xolotl']);
    await mutate('deleteContact', { id });
    expect(await found('xolotl')).toEqual([]);
    await mutate('restoreContact', { id });
    expect(await found('xolotl')).toEqual(['Xolotl']);
  });
});

describe('beneath the search, the database', () => {
  const asApp = async <T>(work: (client: Client) => Promise<T>): Promise<T> => {
    const client = new Client({ connectionString: world.tenants.alpha.database.appUrl });
    await client.connect();
    try {
      await client.query('begin');
      return await work(client);
    } finally {
      await client.end();
    }
  };
  const state = (client: Client, id: string) =>
    client.query("select set_config('app.tenant_id', $1, true)", [id]);
  /** What the function executes to find candidates. */
  const plansOf = async (text: string, tenant: TenantName = 'alpha'): Promise<string[]> => {
    const { database, localTenantId } = world.tenants[tenant];
    const notices: string[] = [];
    const client = new Client({ connectionString: database.superuserUrl });
    client.on('notice', ({ message }) => notices.push(message ?? ''));
    await client.connect();
    try {
      await client.query(`load 'auto_explain'; set auto_explain.log_min_duration = 0; set auto_explain.log_nested_statements = on;
        set auto_explain.log_format = json; set client_min_messages = log; set log_min_messages = panic`);
      await client.query(`begin; set local role ${new URL(database.appUrl).username}`);
      await state(client, localTenantId);
      await client.query(text);
    } finally {
      await client.end();
    }
    return notices.filter(
      (notice) => notice.includes('search_text') && notice.includes('candidate'),
    );
  };
  const search = async (client: Client) =>
    (
      await client.query<{ id: string }>(
        "select * from cloister.search_tables(array['contacts'], array['lindqvist'], 50)",
      )
    ).rows;

  it('finds nothing where no tenant is stated, and of a tenant its own alone', async () => {
    const { alpha, beta } = world.tenants;
    expect(alpha.database.name).toBe(beta.database.name);
    await asApp(async (client) => {
      expect(await search(client)).toEqual([]);
      await state(client, alpha.localTenantId);
      const ofAlpha = await search(client);
      await state(client, beta.localTenantId);
      const ofBeta = await search(client);
      expect(ofAlpha).toHaveLength(1);
      expect(ofBeta).toHaveLength(1);
      expect(ofAlpha[0]?.id).not.toBe(ofBeta[0]?.id);
      await state(client, '00000000-0000-7000-8000-00000000dead');
      expect(await search(client)).toEqual([]);
    });
  });

  it('keeps to the tenant even if the function forgets to: the policies bind it', async () => {
    const { alpha } = world.tenants;
    const [source] = await world.sql<{ text: string }>(
      alpha.database,
      "select pg_get_functiondef('cloister.search_tables(text[], text[], integer)'::regprocedure) as text",
    );
    const careless = (source?.text ?? '').replace(/t\.tenant_id = \$1\s+and/, '$1 is not null and');
    expect(careless).not.toBe(source?.text);
    await world.sql(alpha.database, careless);
    try {
      await asApp(async (client) => {
        await state(client, alpha.localTenantId);
        expect(await search(client)).toHaveLength(1);
      });
    } finally {
      await world.sql(alpha.database, source?.text ?? '');
    }
  });

  it('lets the run-time role neither change the function, nor lead it astray, nor become its owner', async () => {
    const attacks = [
      'drop function cloister.search_tables(text[], text[], integer)',
      "create or replace function cloister.search_tables(table_names text[], phrases text[], take integer) returns table (table_name text, id uuid, rank real, place integer) language sql as 'select null, null::uuid, 1::real, 1'",
      'alter function cloister.search_tables(text[], text[], integer) reset search_path',
      'alter function cloister.search_tables(text[], text[], integer) security invoker',
      'drop policy search on cloister.contacts',
      'set role cloister_shared_owner',
      'create function cloister.similarity(text, text) returns real language sql as $$ select 1::real $$',
      "select cloister.make_searchable('users', array['password_hash'])",
      "select cloister.search_words('x') from cloister.search_tables(array['users'], array['alpha'], 5), pg_sleep(0), cloister.guard_tenant_table('users')",
    ];
    for (const attack of attacks) {
      await asApp(async (client) => {
        await state(client, world.tenants.alpha.localTenantId);
        await expect(client.query(attack)).rejects.toThrow(/must be owner|permission denied/);
      });
    }
  });

  it('searches no table that was not made searchable, whatever its name', async () => {
    await asApp(async (client) => {
      await state(client, world.tenants.alpha.localTenantId);
      for (const table of [
        'users',
        'nowhere',
        'contacts; drop table cloister.contacts',
        'contacts t --',
        null,
      ]) {
        const { rows } = await client.query('select * from cloister.search_tables($1, $2, 5)', [
          [table],
          ['alpha', 'admin'],
        ]);
        expect(rows).toEqual([]);
      }
    });
  });

  it('is not asked through settings of the caller’s own', async () => {
    await asApp(async (client) => {
      await state(client, world.tenants.alpha.localTenantId);
      for (const n of [1, 2, 3]) {
        await client.query('select set_config($1, $2, true)', [`app.search_like_${n}`, '%']);
      }
      await client.query('set local pg_trgm.word_similarity_threshold = 0.01');
      expect(await search(client)).toHaveLength(1);
      const { rows: costs } = await client.query('show cpu_operator_cost');
      expect(costs).toEqual([{ cpu_operator_cost: '0.0025' }]);
      const { rows } = await client.query<{ left: string }>(
        "select string_agg(current_setting('app.search_' || k || '_' || n, true), '') as left from unnest(array['like', 'near']) k, generate_series(1, 3) n",
      );
      expect(rows[0]?.left).toBe('');
    });
  });

  it('looks at no kind any further once the kinds together have filled the answer', async () => {
    const both = "cloister.search_tables(array['accounts', 'contacts'], array['lindqvist'],";
    // One of the contacts and one of the accounts has the word.
    expect(await plansOf(`select * from ${both} 2)`)).toHaveLength(2);
    expect((await plansOf(`select * from ${both} 3)`)).length).toBeGreaterThan(2);
  });

  it('uses the index beneath the policies, among twenty thousand of several tenants', async () => {
    const { alpha, beta } = world.tenants;
    for (const { localTenantId } of [alpha, beta]) {
      await world.sql(
        alpha.database,
        `insert into cloister.contacts (tenant_id, id, first_name, last_name)
         select $1, gen_random_uuid(), 'Person', 'Number' || md5(n::text) from generate_series(1, 10000) n`,
        [localTenantId],
      );
    }
    await world.sql(alpha.database, 'vacuum analyze cloister.contacts');
    const plans = await plansOf(
      "select * from cloister.search_tables(array['contacts'], array['lindqvist'], 50)",
    );
    expect(plans.length).toBeGreaterThanOrEqual(3); // tiers, for one record does not fill the answer
    for (const plan of plans) {
      expect(plan).toContain('contacts_search_text_idx');
      expect(plan).not.toContain('Seq Scan');
    }
  });

  it('guesses by the index in a data source of a thousand records, too', async () => {
    const { database, localTenantId } = world.tenants.gamma;
    await world.sql(
      database,
      `insert into cloister.contacts (tenant_id, id, first_name, last_name, email)
       select $1, gen_random_uuid(), 'Person', 'Number' || md5(n::text), n || '@number.test' from generate_series(1, 1000) n`,
      [localTenantId],
    );
    await world.sql(database, 'vacuum analyze cloister.contacts');
    const plans = await plansOf(
      "select * from cloister.search_tables(array['contacts'], array['lindqvst'], 20)",
      'gamma',
    );
    expect(plans).toHaveLength(4);
    // The last two are those that go by likeness.
    for (const plan of plans.slice(2)) expect(plan).toContain('contacts_search_text_idx');
  });

  it('looks an e-mail address up by an index too, where it is filtered by', async () => {
    const { alpha } = world.tenants;
    world.forgetStatements();
    for (const list of ['contacts', 'accounts']) {
      const { errors } = await world.query(
        { tenant: 'alpha' },
        `{ ${list}(filter: { email: { eq: "info@umbrella.test" } }) { nodes { id } } }`,
      );
      expect(errors).toEqual([]);
    }
    // A session is looked at now and then.
    const statements = world.statements.filter(({ text }) => !text.includes('user_sessions'));
    expect(statements).toHaveLength(2);
    await world.sql(
      alpha.database,
      `insert into cloister.accounts (tenant_id, id, name, email)
       select $1, gen_random_uuid(), 'Account ' || n, n || '@number.test' from generate_series(1, 5000) n`,
      [alpha.localTenantId],
    );
    await world.sql(alpha.database, 'analyze cloister.accounts');
    await asApp(async (client) => {
      await state(client, alpha.localTenantId);
      for (const [index, { text, values }] of statements.entries()) {
        const { rows } = await client.query<Record<string, string>>(`explain ${text}`, [...values]);
        const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
        expect(plan).toContain(`${index === 0 ? 'contacts' : 'accounts'}_email_idx`);
      }
    });
  });
});

describe('a data source without the migration that looks through all kinds at once', () => {
  it('is searched kind by kind', async () => {
    const { gamma } = world.tenants;
    const { registry, directory } = world.application.tenancy;
    await createContacts('gamma', [{ lastName: 'Lindqvist', email: 'anna@lindqvist.test' }]);
    await create('gamma', 'createAccounts', [{ name: 'Lindqvist Logistics' }]);
    const hits = () => found('lindqvist', {}, 'gamma');
    const together = await hits();
    expect(together).toEqual(['Lindqvist', 'Lindqvist Logistics']);
    await world.sql(
      gamma.database,
      'drop function cloister.search_tables(text[], text[], integer)',
    );
    await world.sql(
      gamma.database,
      "delete from cloister.schema_migrations where name >= '0011_search_addresses'",
    );
    const row = await registry.findDataSourceByName('dedicated');
    await registry.updateDataSource(row?.id ?? '', { schemaVersion: '0010_distribution' });
    directory.invalidateAll();
    world.forgetStatements();
    expect(await hits()).toEqual(together);
    expect(world.statements.some(({ text }) => text.includes("cloister.search('contacts'"))).toBe(
      true,
    );
  });
});
