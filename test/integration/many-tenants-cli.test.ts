/** The command line of an installation with more tenants than it should hold in memory at once. */
import { Client } from 'pg';
import { cliEnvironment, cloister, type CliResult } from '../support/cli';
import { createWorld, type World } from '../support/world';

const MANY = 2_500;
const PAGE = 1_000;
/** The last page is not full. */
const PAGES = 3;
/** Beside those of the world. */
const ALL = MANY + 4;

let world: World;
beforeAll(async () => {
  world = await createWorld();
  const sql = (text: string) => world.sql(world.registry, text);
  await sql('alter table registry.tenants disable trigger audit');
  // Nowhere, so that the doctor has nobody to connect to.
  await sql(
    `insert into registry.tenants (id, slug, name, status, tenant_id_in_data_source)
     select id, 'many-' || lpad(n::text, 4, '0'), 'Many', case when n > 2490 then 'suspended' else 'active' end, id
     from (select n, gen_random_uuid() as id from generate_series(1, ${MANY}) n) made`,
  );
  await sql('alter table registry.tenants enable trigger audit');
  await sql(
    `insert into registry.hostnames (id, tenant_id, hostname, verification_token)
     select gen_random_uuid(), id, case when slug between 'many-0998' and 'many-1003' then 'many-0998' else slug end || '.many.test', repeat('t', 48)
     from registry.tenants where slug like 'many-%'`,
  );
  await sql(
    `insert into registry.phone_numbers (id, tenant_id, number, scheme, secret_sealed)
     select gen_random_uuid(), id, '+43' || (1000000 + row_number() over (order by slug)), 'twilio', 'v1.of.a.test.only'
     from registry.tenants where slug like 'many-%'`,
  );
});
afterAll(() => world.close());

interface Ran extends CliResult {
  /** Rows that each statement on the table may return at most. */
  limitsOn(table: string): number[];
}

const run = (...args: string[]): Promise<Ran> => watch(args);

async function watch(args: readonly string[], onOutput?: () => void): Promise<Ran> {
  const query = jest.spyOn(Client.prototype, 'query');
  try {
    const result = await cloister(args, cliEnvironment(world.registry), onOutput);
    const asked = query.mock.calls.map(
      ([statement]) => statement as unknown as { text?: string; values?: unknown[] },
    );
    const limitsOn = (table: string): number[] =>
      asked
        .filter(({ text = '' }) => text.includes(`from "registry"."${table}"`))
        .filter(({ text = '' }) => text.includes('order by'))
        .map(({ text = '', values = [] }) => {
          const [, at] = / limit \$(\d+)/.exec(text) ?? [];
          return at === undefined ? Infinity : Number(values[Number(at) - 1]);
        });
    return { ...result, limitsOn };
  } finally {
    query.mockRestore();
  }
}

const rowsOf = ({ stdout }: CliResult): string[] => stdout.trimEnd().split('\n').slice(1);
const slugsOf = (result: CliResult): string[] =>
  rowsOf(result).map((row) => row.split(' ')[0] ?? '');
const pages = (count: number): number[] => Array.from({ length: count }, () => PAGE);

describe('cloister tenants list', () => {
  it('lists all of them in the order of their slugs, a page at a time', async () => {
    const result = await run('tenants', 'list');
    expect(result.exitCode).toBe(0);
    const slugs = slugsOf(result);
    expect(new Set(slugs).size).toBe(ALL);
    expect(slugs).toEqual([...slugs].sort());
    expect(result.limitsOn('tenants')).toEqual(pages(PAGES));
    expect(result.stdout).toMatch(/^alpha +\S.*active +standard +default +shared /m);
    expect(result.stdout).toMatch(/^many-0001 .*\(none\)/m);
  });

  it('lists them for machines as one list', async () => {
    const result = await run('tenants', 'list', '--json');
    const rows = JSON.parse(result.stdout) as { slug: string; dataSource: string | null }[];
    expect(rows).toHaveLength(ALL);
    expect(rows[0]).toMatchObject({ slug: 'alpha', dataSource: 'shared' });
    expect(result.limitsOn('tenants')).toEqual(pages(PAGES));
  });

  it('goes on after a tenant, so many at most, and asks for no more', async () => {
    const result = await run('tenants', 'list', '--after', 'many-0007', '--limit', '3');
    expect(slugsOf(result)).toEqual(['many-0008', 'many-0009', 'many-0010']);
    expect(result.limitsOn('tenants')).toEqual([3]);
    const beyond = await run('tenants', 'list', '--limit', '1200');
    expect(slugsOf(beyond)).toHaveLength(1200);
    expect(beyond.limitsOn('tenants')).toEqual([PAGE, 200]);
  });

  it('lists those of a status, and those in a data source', async () => {
    const suspended = slugsOf(await run('tenants', 'list', '--status', 'suspended'));
    expect(suspended).toHaveLength(10);
    expect(suspended[0]).toBe('many-2491');
    expect(slugsOf(await run('tenants', 'list', '--source', 'shared'))).toEqual(['alpha', 'beta']);
    const both = ['--source', 'shared', '--status', 'suspended'];
    expect(rowsOf(await run('tenants', 'list', ...both))).toEqual([]);
  });

  it('ends without a word when nobody reads on', async () => {
    const broken = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
    const result = await watch(['tenants', 'list'], () => process.stdout.emit('error', broken));
    expect(result).toMatchObject({ exitCode: 141, stderr: '' });
    expect(result.limitsOn('tenants')).toEqual(pages(1));
  });

  it.each([
    ['a status that is none', ['--status', 'happy'], 'Allowed choices'],
    ['a data source that is none', ['--source', 'nowhere'], 'There is no data source "nowhere"'],
    ['a number that is none', ['--limit', '0'], 'Expected a whole number'],
  ])('refuses %s', async (_what, args, message) => {
    const { exitCode, stderr } = await run('tenants', 'list', ...args);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(message);
  });
});

describe('what else comes by all tenants', () => {
  it('the doctor reports page by page and counts all of them', async () => {
    const result = await run('doctor', '--all');
    expect(result.exitCode).toBe(1);
    expect(result.stdout).toContain(`${ALL} tenant(s), ${MANY} with a problem.`);
    expect(result.stdout.match(/^FAIL {2}many-/gm)).toHaveLength(MANY);
    expect(result.limitsOn('tenants')).toEqual(pages(PAGES));
    const json = await run('doctor', '--json');
    const { registry, tenants } = JSON.parse(json.stdout) as {
      registry: { ok: boolean };
      tenants: unknown[];
    };
    expect(registry.ok).toBe(true);
    expect(tenants).toHaveLength(ALL);
  });

  it('host names are listed in their order, also one that several tenants claim', async () => {
    const result = await run('hostnames', 'list');
    const names = slugsOf(result);
    expect(names).toHaveLength(MANY);
    expect(names).toEqual([...names].sort());
    // Claimed on either side of the end of a page.
    expect(names.filter((name) => name === 'many-0998.many.test')).toHaveLength(6);
    expect(result.stdout).toMatch(/^many-0004\.many\.test +many-0004 +no +0$/m);
    expect(result.limitsOn('hostnames')).toEqual(pages(PAGES));
    expect(result.limitsOn('tenants')).toEqual([]); // only those that are named
  });

  it('numbers are listed in their order', async () => {
    const result = await run('numbers', 'list');
    const numbers = slugsOf(result);
    expect(numbers).toHaveLength(MANY);
    expect(numbers).toEqual([...numbers].sort());
    expect(result.stdout).toMatch(/^\+431000001 +many-0001 +twilio /m);
    expect(result.limitsOn('phone_numbers')).toEqual(pages(PAGES));
    expect(result.limitsOn('tenants')).toEqual([]);
  });

  it('a data source is drained with a line for each of its tenants', async () => {
    await world.sql(
      world.registry,
      `update registry.tenants set data_source_id = d.id from registry.data_sources d
       where d.name = 'byo' and slug like 'many-%'`,
    );
    const result = await run('sources', 'drain', 'byo');
    expect(result.stdout).toContain(`${MANY + 1} tenants are in it`);
    expect(result.stdout.match(/^ {2}cloister move \S+ --to /gm)).toHaveLength(MANY + 1);
    expect(result.limitsOn('tenants')).toEqual(pages(PAGES));
    const json = await run('sources', 'drain', 'byo', '--undo', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ name: 'byo', status: 'active' });
    expect((JSON.parse(json.stdout) as { tenants: string[] }).tenants).toHaveLength(MANY + 1);
  });
});
