import pg from 'pg';
import { uuidv7 } from 'uuidv7';
import { toClientConfig, parseConnectionUrl } from '../../src/database/connection-url';
import { runScoped } from '../../src/database/run-statement';
import { prepareScopes, readScope, type Scope } from '../../src/database/scoped-query';
import { typeParsers } from '../../src/database/type-parsers';
import { cloneDatabase, type TestDatabase } from '../support/databases';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy';
import { testTenantTemplate } from '../support/world';

const ALPHA = uuidv7();
const BETA = uuidv7();
const NAMES = { text: 'select name from cloister.tenants', values: [] };
const SETTING = { text: "select current_setting('app.tenant_id', true) as tenant", values: [] };

/** The types of the messages a client sent: each is a letter and a length. */
function messageTypes(packets: readonly Buffer[]): string {
  const bytes = Buffer.concat(packets);
  let types = '';
  for (let at = 0; at < bytes.length; at += 1 + bytes.readInt32BE(at + 1)) {
    types += String.fromCharCode(bytes[at] ?? 0);
  }
  return types;
}

describe('a statement that states its tenant in the same breath', () => {
  let database: TestDatabase;
  let proxy: TcpProxy;
  let client: pg.Client;

  const connect = async (): Promise<pg.Client> => {
    const settings = toClientConfig(parseConnectionUrl(proxy.through(database.appUrl)));
    const connected = new pg.Client({ ...settings, types: typeParsers, pipeline: true });
    await connected.connect();
    await prepareScopes(connected, [readScope('', 0)]);
    return connected;
  };
  const scope = (localTenantId = ALPHA, change: Partial<Scope> = {}): Scope => ({
    stating: readScope(localTenantId, change.statementTimeoutMs ?? 4000),
    statementTimeoutMs: 4000,
    namedStatements: true,
    ...change,
  });

  beforeAll(async () => {
    database = await cloneDatabase(await testTenantTemplate());
    proxy = await startTcpProxy(database.appUrl);
    client = await connect();
    for (const [id, name] of [
      [ALPHA, 'Alpha'],
      [BETA, 'Beta'],
    ] as const) {
      const insert = 'insert into cloister.tenants (tenant_id, slug, name) values ($1, $2, $3)';
      await runScoped(client, { text: insert, values: [id, name.toLowerCase(), name] }, scope(id));
    }
  });
  afterAll(async () => {
    await client.end();
    await proxy.close();
    await database.drop();
  });

  it.each([true, false])(
    'sees its tenant and no other (named statements: %s)',
    async (namedStatements) => {
      const name = 'names';
      expect(
        await runScoped(client, { ...NAMES, name }, scope(ALPHA, { namedStatements })),
      ).toEqual([{ name: 'Alpha' }]);
      expect(await runScoped(client, { ...NAMES, name }, scope(BETA, { namedStatements }))).toEqual(
        [{ name: 'Beta' }],
      );
    },
  );

  it('is one packet with one Sync, and costs one Bind and one Execute once it is prepared', async () => {
    const statement = { ...NAMES, name: 'prepared' };
    await runScoped(client, statement, scope());
    proxy.clear();
    await runScoped(client, statement, scope());
    expect(messageTypes(proxy.packets)).toBe('BEBDES');
    expect(proxy.packets).toHaveLength(1);
    proxy.clear();
    await runScoped(client, NAMES, scope(ALPHA, { namedStatements: false }));
    expect(messageTypes(proxy.packets)).toBe('PBEPBDES');
  });

  it('asks for no description of columns that are taken as texts', async () => {
    const statement = { ...NAMES, name: 'texts', asTexts: true };
    expect(await runScoped(client, statement, scope())).toEqual([['Alpha']]);
    proxy.clear();
    expect(await runScoped(client, statement, scope())).toEqual([['Alpha']]);
    expect(messageTypes(proxy.packets)).toBe('BEBES');
    // The next one that needs a description gets it.
    expect(await runScoped(client, NAMES, scope())).toEqual([{ name: 'Alpha' }]);
  });

  it('leaves nothing on the connection', async () => {
    await runScoped(client, NAMES, scope());
    const { rows } = await client.query(
      `${SETTING.text}, current_setting('statement_timeout') as timeout`,
    );
    expect(rows).toEqual([{ tenant: '', timeout: '0' }]);
    expect((await client.query(NAMES.text)).rows).toEqual([]);
  });

  it.each([
    ['in the statement', { text: 'select 1 / 0', values: [] }, {}],
    ['in what states the tenant', NAMES, { statementTimeoutMs: Number.NaN }],
    [
      'of a constraint',
      {
        text: 'insert into cloister.tenants (tenant_id, slug, name) values ($1, $2, $3)',
        values: [BETA, 'x', 'x'],
      },
      {},
    ],
  ])(
    'leaves the connection usable and without a tenant after an error %s',
    async (_where, statement, change) => {
      await expect(runScoped(client, statement, scope(ALPHA, change))).rejects.toBeInstanceOf(
        pg.DatabaseError,
      );
      expect((await client.query(NAMES.text)).rows).toEqual([]);
      expect(await runScoped(client, NAMES, scope())).toEqual([{ name: 'Alpha' }]);
    },
  );

  it('is all or nothing: what fails late is not kept', async () => {
    const text =
      'with done as (insert into cloister.accounts (tenant_id, id, name) values ($1, $2, $3) returning 1) select 1 / (count(*) - 1) from done';
    await expect(
      runScoped(client, { text, values: [ALPHA, uuidv7(), 'half'] }, scope()),
    ).rejects.toThrow('division by zero');
    expect(
      await runScoped(client, { text: 'select id from cloister.accounts', values: [] }, scope()),
    ).toEqual([]);
  });

  it('cannot be made to state another tenant by the statement after it', async () => {
    await runScoped(
      client,
      { text: "select set_config('app.tenant_id', $1, true)", values: [BETA] },
      scope(),
    );
    expect(await runScoped(client, NAMES, scope())).toEqual([{ name: 'Alpha' }]);
  });

  it('does not spoil a name by an error in the text it was first used for', async () => {
    const name = 'reused';
    await expect(
      runScoped(client, { text: 'select nothing_of_the_kind', values: [], name }, scope()),
    ).rejects.toThrow();
    expect(await runScoped(client, { ...NAMES, name }, scope())).toEqual([{ name: 'Alpha' }]);
    expect(await runScoped(client, { ...NAMES, name }, scope())).toEqual([{ name: 'Alpha' }]);
  });

  it('does not spoil a name by an error while it runs', async () => {
    const statement = (divisor: number) => ({
      text: 'select 1 / $1::int as one',
      values: [divisor],
      name: 'divide',
    });
    await expect(runScoped(client, statement(0), scope())).rejects.toThrow('division by zero');
    expect(await runScoped(client, statement(1), scope())).toEqual([{ one: 1 }]);
  });

  it('returns values in the types that the rest of the code expects', async () => {
    const text = `select 1::int4 as int, 12345678901234567890.1234::numeric as numeric, '2024-02-30'::text as text,
      '2024-02-29'::date as date, '2024-02-29T10:00:00Z'::timestamptz as at, null::text as nothing,
      '{"a": [1]}'::jsonb as json, array['x', 'y'] as list, true as yes`;
    expect(await runScoped(client, { text, values: [] }, scope())).toEqual([
      {
        int: 1,
        numeric: '12345678901234567890.1234',
        text: '2024-02-30',
        date: '2024-02-29',
        at: new Date('2024-02-29T10:00:00Z'),
        nothing: null,
        json: { a: [1] },
        list: ['x', 'y'],
        yes: true,
      },
    ]);
  });

  it('returns no rows for a statement that has none', async () => {
    const text = 'update cloister.tenants set name = name where tenant_id = $1';
    expect(await runScoped(client, { text, values: [ALPHA] }, scope())).toEqual([]);
  });

  it('is ended by the server at its time limit', async () => {
    const slow = runScoped(
      client,
      { text: 'select pg_sleep(5)', values: [] },
      scope(ALPHA, { statementTimeoutMs: 50 }),
    );
    await expect(slow).rejects.toMatchObject({ code: '57014' });
    expect(await runScoped(client, NAMES, scope())).toEqual([{ name: 'Alpha' }]);
  });

  it('keeps many at once on one connection apart, with errors between them', async () => {
    const runs = Array.from({ length: 500 }, async (_, index) => {
      const tenant = index % 2 === 0 ? ALPHA : BETA;
      if (index % 7 === 0)
        return runScoped(client, { text: 'select 1 / 0', values: [] }, scope(tenant)).catch(
          () => 'failed',
        );
      const name = index % 3 === 0 ? { name: 'many' } : {};
      const rows = await runScoped<{ name: string }>(client, { ...NAMES, ...name }, scope(tenant));
      return rows.map((row) => row.name).join() === (tenant === ALPHA ? 'Alpha' : 'Beta')
        ? 'right'
        : 'WRONG';
    });
    const outcomes = await Promise.all(runs);
    expect(outcomes.filter((outcome) => outcome === 'WRONG')).toEqual([]);
    expect(outcomes.filter((outcome) => outcome === 'failed')).toHaveLength(Math.ceil(500 / 7));
    expect((await client.query(NAMES.text)).rows).toEqual([]);
  });
});
