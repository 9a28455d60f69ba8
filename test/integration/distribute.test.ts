import { createCitusStandIn, type CitusStandIn } from '../support/citus-stand-in';
import { cliEnvironment, cloister } from '../support/cli';
import { cloneDatabase, createTemplate } from '../support/databases';
import { createWorld, type World } from '../support/world';

const CREATE = `mutation ($name: String!) {
  createAccount(input: { name: $name }) { account { id name } userErrors { code } }
}`;
const NAMES = '{ accounts(first: 10) { nodes { name } } }';

let world: World;
let standIn: CitusStandIn;

beforeAll(async () => {
  standIn = await createCitusStandIn();
  world = await createWorld();
});
afterAll(async () => {
  await world.close();
  await standIn.remove();
});

const run = (args: readonly string[], secrets: Record<string, string> = {}) =>
  cloister(args, { ...cliEnvironment(world.registry), ...secrets });
const style = async () =>
  (
    await world.sql<{ style: string }>(
      world.registry,
      `select session_style as style from registry.data_sources where name = 'shared'`,
    )
  )[0]?.style;

describe('cloister sources distribute', () => {
  it('says what is missing where the extension is not there, and changes nothing', async () => {
    const { exitCode, stderr } = await run(['sources', 'distribute', 'shared']);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('Expected the extension citus in the database of "shared"');
    expect(await style()).toBe('direct');
  });

  it('sets the style, distributes every table, and the server goes on serving its tenants', async () => {
    await world.query({ tenant: 'alpha' }, CREATE, { name: 'before' });
    await standIn.install(world.tenants.alpha.database);
    const { exitCode, stdout } = await run(['sources', 'distribute', 'shared']);
    expect(stdout).toMatch(/^cloister\.tenants: distributed$/m);
    expect(stdout).toMatch(/^\d\d tables of "shared" are distributed by tenant_id\.$/m);
    expect(exitCode).toBe(0);
    expect(await style()).toBe('distributed');
    const { data, errors } = await world.query({ tenant: 'alpha' }, CREATE, { name: 'after' });
    expect(errors).toEqual([]);
    expect(data).toMatchObject({ createAccount: { account: { name: 'after' } } });
    const { data: page } = await world.query<{ accounts: { nodes: { name: string }[] } }>(
      { tenant: 'alpha' },
      NAMES,
    );
    expect(page.accounts.nodes.map(({ name }) => name).sort()).toEqual(['after', 'before']);
    expect((await world.query({ tenant: 'beta' }, NAMES)).data).toEqual({
      accounts: { nodes: [] },
    });
  });

  it('has nothing left to do the second time', async () => {
    const { stdout } = await run(['sources', 'distribute', 'shared']);
    expect(stdout).toContain('Every table of "shared" is distributed already.');
  });

  it('refuses to move a tenant out, or another in, and says what to do instead', async () => {
    for (const args of [
      ['move', 'alpha', '--to', 'dedicated'],
      ['move', 'gamma', '--to', 'shared'],
    ]) {
      const { exitCode, stderr } = await run(args);
      expect(exitCode).toBe(1);
      expect(stderr).toContain('the tables of shared are distributed');
      expect(stderr).toContain('cloister tenants export');
    }
    const moves = await world.sql(world.registry, 'select 1 from registry.moves');
    expect(moves).toEqual([]);
  });

  it('refuses tenants in the direct style instead of showing them nothing', async () => {
    await run(['sources', 'style', 'shared', 'direct']);
    const { stdout, exitCode } = await run(['sources', 'test', 'shared']);
    expect(exitCode).toBe(1);
    expect(stdout).toContain('SESSION_STYLE');
    const { errors } = await world.query({ tenant: 'alpha' }, NAMES);
    expect(errors[0]?.extensions).toMatchObject({
      code: 'TENANT_UNAVAILABLE',
      reason: 'SESSION_STYLE',
    });
    const doctor = await run(['doctor', 'alpha']);
    expect(doctor.stdout).toContain('SESSION_STYLE');
    await run(['sources', 'distribute', 'shared']);
    expect((await world.query({ tenant: 'alpha' }, NAMES)).errors).toEqual([]);
  });
});

describe('cloister sources add', () => {
  it('distributes a fresh database that has the extension, and enrols it in the style it needs', async () => {
    const empty = await cloneDatabase(
      await createTemplate('empty_tenant', () => Promise.resolve()),
    );
    try {
      await standIn.install(empty);
      const secrets = {
        CLOISTER_SOURCE_URL: empty.appUrl,
        CLOISTER_SOURCE_MIGRATION_URL: empty.ownerUrl,
      };
      const add = (...more: string[]) =>
        run(['sources', 'add', '--name', 'spread', '--placement', 'shared', ...more], secrets);
      const refused = await add('--session-style', 'direct');
      expect(refused.stderr).toContain('distributed over several servers');
      expect((await add()).exitCode).toBe(0);
      const rows = await world.sql(
        world.registry,
        `select session_style, named_statements from registry.data_sources where name = 'spread'`,
      );
      expect(rows).toEqual([{ session_style: 'distributed', named_statements: true }]);
    } finally {
      await empty.drop();
    }
  });
});

describe('cloister sources reconnect', () => {
  it('refuses a URL that leads to another database', async () => {
    const { exitCode, stderr } = await run(['sources', 'reconnect', 'dedicated'], {
      CLOISTER_SOURCE_URL: world.tenants.delta.database.appUrl,
    });
    expect(exitCode).toBe(1);
    expect(stderr).toContain('it does not know gamma');
  });

  it('takes another address of the same database, for every server', async () => {
    const url = new URL(world.tenants.gamma.database.appUrl);
    url.hostname = url.hostname === 'localhost' ? '127.0.0.1' : 'localhost';
    const { stdout } = await run(['sources', 'reconnect', 'dedicated'], {
      CLOISTER_SOURCE_URL: url.toString(),
    });
    expect(stdout).toContain(
      '"dedicated" is connected to by the new URL, with prepared statements.',
    );
    expect((await world.query({ tenant: 'gamma' }, NAMES)).errors).toEqual([]);
    const { stdout: report } = await run(['doctor', 'gamma']);
    expect(report).toContain(`${url.hostname}:${url.port}`);
  });
});
