import { PassThrough } from 'node:stream';
import { confirm, NotConfirmed } from '../../src/cli/confirm';
import { enrolDataSource } from '../../src/tenancy/provision';
import { cliEnvironment, cloister } from '../support/cli';
import { eventually } from '../support/data-sources';
import { createWorld, PASSWORD, type World } from '../support/world';

const CANARY = 'canary-9f31';

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.close());

const run = (...args: string[]) => cloister(args, cliEnvironment(world.registry));
const codeOf = async (): Promise<string | undefined> =>
  (await world.query({ tenant: 'gamma' }, '{ viewer { tenant { slug } } }')).errors[0]?.extensions
    .code;

describe('cloister tenants', () => {
  it('shows everything but secrets, and counts when asked to', async () => {
    await world.query({ tenant: 'gamma' }, '{ viewer { tenant { slug } } }');
    const { stdout, exitCode } = await run('tenants', 'show', 'gamma', '--counts');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^status +active$/m);
    expect(stdout).toMatch(/^data source +dedicated, dedicated, active, region default, schema /m);
    expect(stdout).toMatch(/^addresses +3 e-mail addresses sign in$/m);
    expect(stdout).toMatch(/^users +3$/m);
    expect(stdout).not.toMatch(/postgres:|v1\.|test-only|argon2/);
    const { stdout: json } = await run('tenants', 'show', 'gamma', '--json');
    expect(JSON.parse(json)).toMatchObject({
      slug: 'gamma',
      status: 'active',
      plan: 'standard',
      dataSource: { name: 'dedicated', placement: 'dedicated' },
      emails: 3,
    });
    expect((await run('tenants', 'show', 'nobody')).stderr).toContain(
      'There is no tenant "nobody"',
    );
  });

  it('lists tenants for machines', async () => {
    const { stdout } = await run('tenants', 'list', '--json');
    const rows = JSON.parse(stdout) as { slug: string; dataSource: string }[];
    expect(rows.map(({ slug, dataSource }) => [slug, dataSource])).toEqual([
      ['alpha', 'shared'],
      ['beta', 'shared'],
      ['delta', 'byo'],
      ['gamma', 'dedicated'],
    ]);
  });

  it('suspends and resumes, which a running server hears of', async () => {
    expect(await codeOf()).toBeUndefined();
    const suspended = await run('tenants', 'suspend', 'gamma', '--reason', 'has not paid');
    expect(suspended.stdout).toContain('The tenant "gamma" is suspended');
    expect(await eventually(codeOf, (code) => code !== undefined)).toBe('TENANT_SUSPENDED');
    expect((await run('tenants', 'show', 'gamma')).stdout).toMatch(
      /^status +suspended: has not paid$/m,
    );
    const resumed = await run('tenants', 'resume', 'gamma', '--json');
    expect(JSON.parse(resumed.stdout)).toMatchObject({ slug: 'gamma', status: 'active' });
    await eventually(codeOf, (code) => code === undefined);
    const audit = await world.sql(
      world.registry,
      `select actor, before ->> 'status' as before, after ->> 'status' as after
       from registry.audit_log where row_id = $1 order by id desc limit 2`,
      [world.tenants.gamma.id],
    );
    expect(audit).toEqual([
      { actor: 'command-line', before: 'suspended', after: 'active' },
      { actor: 'command-line', before: 'active', after: 'suspended' },
    ]);
  });

  it('closes what is confirmed, and reopens it', async () => {
    expect((await run('tenants', 'close', 'gamma')).stderr).toContain('Nothing was done');
    expect((await run('tenants', 'close', 'gamma', '--yes')).stdout).toContain('is closed');
    await eventually(codeOf, (code) => code !== undefined);
    expect((await run('tenants', 'reopen', 'gamma')).stdout).toContain('is open again');
    await eventually(codeOf, (code) => code === undefined);
    expect((await run('tenants', 'resume', 'nobody')).exitCode).toBe(1);
  });

  it('asks at a terminal for the slug, and takes nothing else', async () => {
    const terminal = (answer: string) => {
      const input = Object.assign(new PassThrough(), { isTTY: true as const });
      input.write(`${answer}\n`);
      return input;
    };
    const question = { what: 'Everything goes.', word: 'gamma', yes: false };
    const silenced = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
    await expect(confirm(question, terminal('gamma'))).resolves.toBeUndefined();
    await expect(confirm(question, terminal('yes'))).rejects.toThrow(NotConfirmed);
    silenced.mockRestore();
    await expect(confirm(question, new PassThrough())).rejects.toThrow('give --yes');
    await expect(confirm({ ...question, yes: true })).resolves.toBeUndefined();
  });
});

describe('cloister sources', () => {
  it('tests one or all: how long it takes, and what is wrong', async () => {
    const all = await run('sources', 'test');
    expect(all.exitCode).toBe(0);
    expect(all.stdout).toMatch(
      /^shared +ok +[\d.]+ ms +[\d.]+ ms +\d+\.\d+ +no +\d+ of \d+ +\d{4}_/m,
    );
    const bad = `postgres://app:${CANARY}@127.0.0.1:1/nowhere`;
    await enrolDataSource(world.application.tenancy, {
      name: 'down',
      placement: 'dedicated',
      url: bad,
    });
    const one = await run('sources', 'test', 'down');
    expect(one.exitCode).toBe(1);
    expect(one.stdout).toMatch(/^down: DATA_SOURCE_UNREACHABLE: nothing listens at that address/m);
    expect(one.stdout).toContain('check that its server is up');
    expect(JSON.stringify(await run('sources', 'test', '--json'))).not.toContain(CANARY);
    await world.sql(world.registry, "delete from registry.data_sources where name = 'down'");
    expect((await run('sources', 'test', 'nowhere')).stderr).toContain('There is no data source');
  });

  it('drains: nobody new comes, those there go on, and the commands that empty it are named', async () => {
    const { stdout } = await run('sources', 'drain', 'shared');
    expect(stdout).toContain('2 tenants are in it and go on as before');
    expect(stdout).toMatch(/^ {2}cloister move alpha --to /m);
    const create = [
      ...['tenants', 'create', '--slug', 'late', '--name', 'Late', '--source', 'shared'],
      ...['--admin-email', 'a@late.test'],
    ];
    const refused = await cloister(create, {
      ...cliEnvironment(world.registry),
      CLOISTER_ADMIN_PASSWORD: PASSWORD,
    });
    expect(refused.stderr).toContain('The data source "shared" is draining');
    const { errors } = await world.query({ tenant: 'alpha' }, '{ accounts { totalCount } }');
    expect(errors).toEqual([]);
    expect((await run('sources', 'drain', 'shared', '--retire')).stderr).toContain(
      'but 2 tenants are in "shared"',
    );
    expect((await run('sources', 'drain', 'shared', '--undo')).stdout).toContain('is active');
  });

  it('marks canaries', async () => {
    expect((await run('sources', 'canary', 'dedicated')).stdout).toContain('migrated first');
    const canaries = await world.sql(
      world.registry,
      'select name from registry.data_sources where canary',
    );
    expect(canaries).toEqual([{ name: 'dedicated' }]);
    await run('sources', 'canary', 'dedicated', '--off');
  });
});
