/**
 * The distributed session style on an ordinary Postgres, which takes the same commands: a setting of an
 * extension that is not there is a placeholder.
 */
import { uuidv7 } from 'uuidv7';
import { parseConnectionUrl } from '../../src/database/connection-url';
import type { DataSource } from '../../src/tenancy/directory';
import type { PoolManager } from '../../src/tenancy/pools';
import { ask, dataSourceAt, openSessionOn, testPools } from '../support/data-sources';
import { cloneDatabase, type TestDatabase } from '../support/databases';
import {
  countsOf,
  createImportFolder,
  importOptions,
  pipelineFiles,
  runImport,
} from '../support/import-world';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy';
import { createWorld, testTenantTemplate, type World } from '../support/world';

const ALPHA = uuidv7();
const BETA = uuidv7();
const OWN = {
  text: 'select tenant_id from cloister.tenants where tenant_id = $1',
  values: [ALPHA],
};
const SETTINGS = {
  text: `select current_setting('app.tenant_id', true) as tenant,
    current_setting('citus.propagate_set_commands', true) as style,
    current_setting('statement_timeout') as timeout, current_setting('app.user_id', true) as author`,
  values: [],
};

describe.each([true, false])(
  'a session of the distributed style (named statements: %s)',
  (namedStatements) => {
    let database: TestDatabase;
    let proxy: TcpProxy;
    let pools: PoolManager;
    let dataSource: DataSource;
    const open = (tenantId = ALPHA, author?: { userId: string; requestId: string }) =>
      openSessionOn(pools, dataSource, tenantId, author === undefined ? {} : { author });
    /** The texts that were sent, by the packets they came in. */
    const sent = () =>
      proxy.packets.map(
        (packet) =>
          packet
            .toString('latin1')
            .match(
              /begin|set local [\w.]+|commit|rollback|pg_advisory_xact_lock_shared|insert into cloister\.\w+|from cloister\.\w+/g,
            ) ?? [],
      );

    beforeAll(async () => {
      database = await cloneDatabase(await testTenantTemplate());
      proxy = await startTcpProxy(database.appUrl);
      dataSource = dataSourceAt(proxy.through(database.appUrl), {
        sessionStyle: 'distributed',
        namedStatements,
        poolMax: 1,
      });
      pools = testPools();
      for (const id of [ALPHA, BETA]) {
        await open(id).query({
          text: 'insert into cloister.tenants (tenant_id, slug, name) values ($1, $2, $2)',
          values: [id, `t-${id}`],
        });
      }
    });
    afterAll(async () => {
      await pools.close();
      await proxy.close();
      await database.drop();
    });
    beforeEach(() => proxy.clear());

    it('sends one statement with all that is around it in a single flight', async () => {
      expect(await open().query(OWN)).toEqual([{ tenant_id: ALPHA }]);
      expect(sent()).toEqual([
        [
          'begin',
          'set local citus.propagate_set_commands',
          'set local app.tenant_id',
          'set local statement_timeout',
          'from cloister.tenants',
          'commit',
        ],
      ]);
    });

    it('sends what states the tenant together with the first statement of a view', async () => {
      const view = open();
      view.plan(3);
      await view.query(OWN);
      expect(sent()).toHaveLength(1);
      await view.query(OWN);
      await view.end();
      expect(sent().slice(1)).toEqual([['from cloister.tenants'], ['commit']]);
    });

    it('passes each setting on by a message of its own, never several statements in one', async () => {
      await open().transaction((tx) => tx.query(OWN));
      const messages = Buffer.concat(proxy.packets).toString('latin1');
      expect(messages).toContain("set local app.tenant_id = '");
      // A coordinator passes on the whole text of the message that a SET stands in.
      expect(messages).not.toMatch(/set local [^\0]*;/);
      expect(sent()[0]).toContain('pg_advisory_xact_lock_shared');
    });

    it('says who writes, and leaves nothing on the connection', async () => {
      const author = { userId: uuidv7(), requestId: 'r-1' };
      const [inside] = await open(ALPHA, author).transaction((tx) => tx.query(SETTINGS));
      expect(inside).toEqual({
        tenant: ALPHA,
        style: 'local',
        timeout: '4s',
        author: author.userId,
      });
      const lease = await pools.lease(dataSource);
      const { rows } = await lease.client.query(SETTINGS.text);
      lease.release();
      expect(rows).toEqual([{ tenant: '', style: '', timeout: '0', author: '' }]);
    });

    it('tells the failure of the statement, not that of the COMMIT behind it, and goes on', async () => {
      await expect(open().query({ text: 'select 1 / $1::int', values: [0] })).rejects.toMatchObject(
        { cause: { code: '22012' } },
      );
      expect(await open().query(OWN)).toEqual([{ tenant_id: ALPHA }]);
      expect(pools.stats()[0]).toMatchObject({ leased: 0, open: 1 });
    });

    it('writes nothing of a statement whose transaction could not be begun', async () => {
      await expect(
        open().query({
          text: 'insert into cloister.accounts (tenant_id, id, name) values ($1, $2, $3)',
          values: [BETA, uuidv7(), 'crossed'],
        }),
      ).rejects.toThrow();
      const rows = await ask(database.superuserUrl, 'select 1 from cloister.accounts');
      expect(rows).toEqual([]);
    });

    it.each([
      "x'; drop table cloister.accounts; --",
      '',
      ALPHA.toUpperCase(),
      `${ALPHA}'`,
      `{${ALPHA}}`,
    ])('sends nothing for the tenant id %j, which is no UUID as we write them', async (id) => {
      const session = open(id);
      await expect(session.query(OWN)).rejects.toMatchObject({
        details: { reason: 'TENANT_ID_MISMATCH' },
      });
      await expect(session.transaction((tx) => tx.query(OWN))).rejects.toMatchObject({
        details: { reason: 'TENANT_ID_MISMATCH' },
      });
      expect(proxy.packets).toEqual([]);
      expect(pools.stats()[0]?.leased).toBe(0);
    });

    it('keeps tenants apart while many share a connection', async () => {
      const wrong: unknown[] = [];
      const straight = {
        ...dataSource,
        id: uuidv7(),
        connection: parseConnectionUrl(database.appUrl),
      };
      const tasks = Array.from({ length: 200 }, async (_, index) => {
        const id = index % 2 === 0 ? ALPHA : BETA;
        const text = 'select tenant_id from cloister.tenants';
        const session = openSessionOn(pools, straight, id);
        const [row, ...more] = await session.query<{ tenant_id: string }>({ text, values: [] });
        if (row?.tenant_id !== id || more.length > 0) wrong.push({ id, row, more });
      });
      await Promise.all(tasks);
      expect(wrong).toEqual([]);
    });
  },
);

/** A template of SQL is recorded without its text, which it makes when asked. */
const textOf = (statement: { text?: string; strings?: readonly string[] }): string =>
  statement.text ?? statement.strings?.join('?') ?? '';

/** Each INSERT of a statement, up to the end of the statement or of the WITH that it stands in. */
function insertsOf(text: string): string[] {
  return [...text.matchAll(/insert into cloister\./gi)].map(({ index }) => {
    let depth = 0;
    let end = index;
    for (; end < text.length && depth >= 0; end += 1) {
      if (text[end] === '(') depth += 1;
      if (text[end] === ')') depth -= 1;
    }
    return text.slice(index, end);
  });
}

describe('a cloister whose data sources are of the distributed style', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld({ sessionStyle: 'distributed' });
  });
  afterAll(() => world.close());

  const CREATE = `mutation ($input: CreateAccountInput!) {
    createAccount(input: $input) { account { id name } userErrors { code } }
  }`;
  const NAMES = `{ accounts(first: 100) { totalCount nodes { id name contacts(first: 2) { nodes { fullName } } } } }`;

  it('serves log-in, writes and nested pages, each tenant its own', async () => {
    for (const tenant of ['alpha', 'beta', 'gamma', 'delta'] as const) {
      const { data, errors } = await world.query({ tenant }, CREATE, {
        input: { name: `of ${tenant}` },
      });
      expect(errors).toEqual([]);
      expect(data).toMatchObject({ createAccount: { userErrors: [] } });
    }
    for (const tenant of ['alpha', 'beta', 'gamma', 'delta'] as const) {
      const { data } = await world.query({ tenant }, NAMES);
      expect(data).toMatchObject({
        accounts: { totalCount: 1, nodes: [{ name: `of ${tenant}`, contacts: { nodes: [] } }] },
      });
    }
  });

  it('hides a record of the neighbour as one that is not there', async () => {
    const { data } = await world.query<{ accounts: { nodes: { id: string }[] } }>(
      { tenant: 'beta' },
      NAMES,
    );
    const read = await world.query(
      { tenant: 'alpha' },
      'query ($id: ID!) { account(id: $id) { name } }',
      {
        id: data.accounts.nodes[0]?.id,
      },
    );
    expect(read.data).toEqual({ account: null });
  });

  it('names the author of a change in the log', async () => {
    const { alpha } = world.tenants;
    const rows = await world.sql<{ actor_id: string }>(
      alpha.database,
      `select actor_id from cloister.change_log where tenant_id = $1 and table_name = 'accounts'`,
      [alpha.localTenantId],
    );
    expect(rows).toEqual([{ actor_id: alpha.users.admin }]);
  });

  it('imports files', async () => {
    const folder = await createImportFolder();
    try {
      await folder.write(pipelineFiles(20));
      const report = await runImport(await importOptions(world, 'gamma', folder));
      expect(countsOf(report)).toMatchObject({ Opportunity: [20, 0, 0, 0] });
    } finally {
      await folder.remove();
    }
  });

  it('writes rows that it selects in a form that need not be a COPY', () => {
    const inserts = world.statements
      .flatMap((statement) => insertsOf(textOf(statement)))
      .filter((text) => /\bselect\b/i.test(text));
    expect(inserts.length).toBeGreaterThan(3);
    const silent = inserts.filter((text) => !/returning|on conflict/i.test(text));
    expect(silent).toEqual([]);
  });
});
