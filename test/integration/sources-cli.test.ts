import { createCipheriv, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { createPrompt } from '../../src/cli/prompt';
import { parseDataSourceUrl } from '../../src/tenancy/data-source-url';
import { cliEnvironment, cloister } from '../support/cli';
import { cloneDatabase, createTemplate, type TestDatabase } from '../support/databases';
import { createWorld, PASSWORD, type World } from '../support/world';

const LOCAL_ID = '0b7f6a52-5a0e-4d0c-8f0e-2b1f6d3c9a10';

let world: World;
let empty: TestDatabase;

beforeAll(async () => {
  world = await createWorld();
  empty = await cloneDatabase(await createTemplate('empty_tenant', () => Promise.resolve()));
});
afterAll(async () => {
  await world.close();
  await empty.drop();
});

const run = (args: readonly string[], secrets: Record<string, string> = {}) =>
  cloister(args, { ...cliEnvironment(world.registry), ...secrets });
const add = (name: string, secrets: Record<string, string>, placement = 'dedicated') =>
  run(
    [
      'sources',
      'add',
      '--name',
      name,
      '--placement',
      placement,
      '--region',
      'eu',
      '--pool-max',
      '4',
    ],
    secrets,
  );
const create = (slug: string, source: string, ...more: string[]) =>
  run(
    [
      'tenants',
      'create',
      '--slug',
      slug,
      '--name',
      'Umbrella',
      '--source',
      source,
      '--admin-email',
      'Boss@Umbrella.test',
      ...more,
    ],
    { CLOISTER_ADMIN_PASSWORD: PASSWORD },
  );
const sourceNames = async () =>
  (
    await world.sql<{ name: string }>(
      world.registry,
      'select name from registry.data_sources order by name',
    )
  ).map(({ name }) => name);

describe('cloister sources', () => {
  it('lists data sources without their secrets', async () => {
    const { stdout } = await run(['sources', 'list']);
    expect(stdout).toMatch(/^shared +shared +active +default +0-10 .* 2 +t1 +cloister$/m);
    expect(stdout).not.toMatch(/postgres:|test-only|v1\./);
  });

  it('takes a URL as an older registry had sealed it, and seals it anew', async () => {
    const older = await cloneDatabase(
      await createTemplate('empty_tenant', () => Promise.resolve()),
    );
    const key = randomBytes(32);
    const iv = randomBytes(16);
    const cipher = createCipheriv('aes-256-gcm', key, iv);
    const text = Buffer.concat([cipher.update(older.appUrl, 'utf8'), cipher.final()]);
    const sealed = [iv, cipher.getAuthTag(), text].map((part) => part.toString('base64')).join(':');
    const secrets = {
      CLOISTER_SOURCE_URL: sealed,
      CLOISTER_SOURCE_MIGRATION_URL: older.ownerUrl,
      CLOISTER_LEGACY_KEY: key.toString('hex'),
    };

    const wrong = await add('older', { ...secrets, CLOISTER_LEGACY_KEY: '0'.repeat(64) });
    expect(wrong.exitCode).toBe(1);
    expect(wrong.stderr).toContain('The value does not open');
    expect(await sourceNames()).not.toContain('older');

    expect((await add('older', secrets)).exitCode).toBe(0);
    const [row] = await world.sql<{ url_sealed: string }>(
      world.registry,
      "delete from registry.data_sources where name = 'older' returning url_sealed",
    );
    expect(row?.url_sealed).toMatch(/^v1\.datakey_/);
    await older.drop();
  });

  it.each([
    ['a superuser', () => ({ CLOISTER_SOURCE_URL: empty.superuserUrl }), /superuser/],
    [
      'the owner, once there are tables',
      () => ({ CLOISTER_SOURCE_URL: world.tenants.gamma.database.ownerUrl }),
      /\(owner\)/,
    ],
    [
      'a database without our schema',
      () => ({ CLOISTER_SOURCE_URL: empty.appUrl }),
      /give the owner's URL as well/,
    ],
    [
      'an owner of another database',
      () => ({
        CLOISTER_SOURCE_URL: empty.appUrl,
        CLOISTER_SOURCE_MIGRATION_URL: world.tenants.gamma.database.ownerUrl,
      }),
      /does not lead to the same database/,
    ],
    [
      'a server that does not answer',
      () => ({ CLOISTER_SOURCE_URL: 'postgres://app:canary-77@127.0.0.1:1/x' }),
      /cannot be reached.*ECONNREFUSED/,
    ],
    [
      'a URL that smuggles parameters',
      () => ({ CLOISTER_SOURCE_URL: 'postgres://app:canary-77@127.0.0.1/x?host=evil' }),
      /"host" is not allowed/,
    ],
  ])('refuses %s, and enrols nothing', async (_what, secrets, said) => {
    const before = await sourceNames();
    const { exitCode, stdout, stderr } = await add('refused', secrets());
    expect(stderr).toMatch(said);
    expect(exitCode).toBe(1);
    expect(stdout + stderr).not.toMatch(/canary-77|test-only/);
    expect(await sourceNames()).toEqual(before);
  });

  it('refuses an unencrypted connection to a customer’s server elsewhere', () => {
    const url = 'postgres://app:pw@db.example.com/crm';
    expect(() => parseDataSourceUrl(url, 'byo')).toThrow(/placement byo.*sslmode=verify-full/);
    expect(() => parseDataSourceUrl(`${url}?sslmode=disable`, 'byo')).toThrow(/placement byo/);
    expect(parseDataSourceUrl(`${url}?sslmode=require`, 'byo').tls).toBe('require');
    expect(parseDataSourceUrl(url, 'dedicated').tls).toBe('disable');
    for (const host of ['localhost', '127.0.0.1', '[::1]']) {
      expect(parseDataSourceUrl(`postgres://app:pw@${host}/crm`, 'byo').tls).toBe('disable');
    }
    expect(() => parseDataSourceUrl('postgres://app:pw@127.0.0.1.evil.test/crm', 'byo')).toThrow();
  });
});

describe('an installation of one’s own', () => {
  it('takes a database, a tenant in it and its admin, who can then sign in', async () => {
    const urls = {
      CLOISTER_SOURCE_URL: empty.appUrl,
      CLOISTER_SOURCE_MIGRATION_URL: empty.ownerUrl,
    };
    const added = await add('extra', urls);
    expect(added.stdout).toContain('extra: 0001_crm (1 of ');
    expect(added.stdout).toContain('The data source "extra" is enrolled');
    expect((await add('extra', urls)).stderr).toContain('There is a data source "extra" already');
    expect((await run(['sources', 'list'])).stdout).toMatch(/^extra +dedicated +active +eu +0-4 /m);

    const created = await create('umbrella', 'extra', '--tenant-id-in-data-source', LOCAL_ID);
    expect(created).toMatchObject({ exitCode: 0, stderr: '' });
    expect((await run(['tenants', 'list'])).stdout).toMatch(
      /^umbrella +Umbrella +active .* extra /m,
    );

    const { data } = await world.query(
      undefined,
      'mutation ($input: LoginInput!) { login(input: $input) { user { role email } tenant { slug } } }',
      { input: { email: 'boss@umbrella.test', password: PASSWORD } },
    );
    expect(data).toEqual({
      login: {
        user: { role: expect.stringMatching(/admin/i), email: 'Boss@Umbrella.test' },
        tenant: { slug: 'umbrella' },
      },
    });
    const users = await world.sql(empty, 'select tenant_id from cloister.users');
    expect(users).toEqual([{ tenant_id: LOCAL_ID }]);
    expect((await run(['doctor', 'umbrella'])).exitCode).toBe(0);
  });

  it('does not make a tenant twice, nor one in a data source that is not there', async () => {
    expect((await create('umbrella', 'extra')).stderr).toContain(
      'There is a tenant "umbrella" already',
    );
    expect((await create('umbrella', 'shared')).stderr).toContain(
      'There is a tenant "umbrella" already',
    );
    expect((await create('other', 'nowhere')).stderr).toContain(
      'There is no data source "nowhere"',
    );
  });

  it('names everything that is wrong with a tenant at once', async () => {
    const { exitCode, stderr } = await run(
      [
        'tenants',
        'create',
        '--slug',
        'Up',
        '--name',
        '',
        '--source',
        'extra',
        '--admin-email',
        'x',
        '--tenant-id-in-data-source',
        '1',
      ],
      { CLOISTER_ADMIN_PASSWORD: 'short' },
    );
    expect(exitCode).toBe(1);
    for (const what of [
      'slug',
      'name',
      'tenant id in the data source',
      'admin e-mail',
      'admin password',
    ]) {
      expect(stderr).toContain(`  - ${what}: `);
    }
  });
});

describe('createPrompt', () => {
  it('takes one line an answer from a pipe, and an empty one when there is no more', async () => {
    const said: string[] = [];
    const output = { write: (text: string) => said.push(text) } as unknown as NodeJS.WritableStream;
    const prompt = createPrompt(Readable.from(['first secret\nsec', 'ond\n']), output);
    expect(await prompt.ask('1? ')).toBe('first secret');
    expect(await prompt.ask('2? ')).toBe('second');
    expect(await prompt.ask('3? ')).toBe('');
    expect(said.join('')).not.toContain('secret');
    prompt.close();
  });
});
