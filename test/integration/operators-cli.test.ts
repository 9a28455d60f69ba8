/** `cloister operators` and `cloister audit`: how the first operator comes about, and what they do later. */
import { Client } from 'pg';
import { cloister, cliEnvironment, type CliResult } from '../support/cli';
import { cloneDatabase, type TestDatabase } from '../support/databases';
import { testRegistryTemplate } from '../support/world';

const PASSWORD = 'correct-horse-battery';

describe('the command line', () => {
  let registry: TestDatabase;
  beforeAll(async () => {
    registry = await cloneDatabase(await testRegistryTemplate());
  });
  afterAll(() => registry.drop());

  const run = (...args: string[]): Promise<CliResult> =>
    cloister(args, { ...cliEnvironment(registry), CLOISTER_OPERATOR_PASSWORD: PASSWORD });
  async function sql<Row extends object>(text: string): Promise<Row[]> {
    const client = new Client({ connectionString: registry.superuserUrl });
    await client.connect();
    try {
      return (await client.query<Row>(text)).rows;
    } finally {
      await client.end();
    }
  }

  it('adds an operator, lists them, disables and enables them', async () => {
    const added = await run('operators', 'add', '--email', 'Ada@Example.test', '--role', 'owner');
    expect(added).toMatchObject({ exitCode: 0, stderr: '' });
    expect(added.stdout).toContain('ada@example.test can sign in at /platform/graphql as owner.');
    const listed = await run('operators', 'list');
    expect(listed.stdout).toMatch(/ada@example\.test +Ada@Example\.test +owner +active +-/);
    const last = await run('operators', 'disable', 'ada@example.test');
    expect(last).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('the last owner') });
    await run(
      'operators',
      'add',
      '--email',
      'bob@example.test',
      '--name',
      'Bob',
      '--role',
      'owner',
    );
    expect(await run('operators', 'disable', 'ADA@example.test')).toMatchObject({ exitCode: 0 });
    expect((await run('operators', 'list')).stdout).toMatch(/ada@example\.test .* disabled/);
    expect(await run('operators', 'enable', 'ada@example.test')).toMatchObject({ exitCode: 0 });
  });

  it('gives a new password, and ends the sessions that the old one began', async () => {
    await sql(`insert into registry.operator_sessions (id, operator_id, refresh_family_hash, refresh_generation_hash, expires_at)
               select gen_random_uuid(), id, sha256('a'), sha256('b'), now() + interval '1 day'
               from registry.operators where email = 'bob@example.test'`);
    const hash =
      "select password_hash as hash from registry.operators where email = 'bob@example.test'";
    const [before] = await sql<{ hash: string }>(hash);
    expect(await run('operators', 'reset-password', 'bob@example.test')).toMatchObject({
      exitCode: 0,
    });
    const [after] = await sql<{ hash: string }>(hash);
    expect(after?.hash).not.toBe(before?.hash);
    expect(await sql('select revoked_reason from registry.operator_sessions')).toEqual([
      { revoked_reason: 'password_changed' },
    ]);
  });

  it.each([
    [['operators', 'add', '--email', 'ada@example.test'], /email: There is such an operator/],
    [['operators', 'add', '--email', 'nonsense'], /email: Expected an e-mail address/],
    [
      ['operators', 'add', '--email', 'x@example.test', '--role', 'admin'],
      /viewer, operator, owner/,
    ],
    [['operators', 'disable', 'nobody@example.test'], /There is no operator nobody@example\.test/],
    [['audit', 'verify', '--expect', 'nonsense'], /Expected <position>:<hash>/],
  ])('says what is wrong with %j', async (args, message) => {
    const { exitCode, stdout, stderr } = await run(...args);
    expect(exitCode).toBe(1);
    expect(stdout + stderr).toMatch(message);
  });

  it('verifies the audit log, names the actor, and finds what was tampered with', async () => {
    expect(
      await sql("select distinct actor from registry.audit_log where table_name = 'operators'"),
    ).toEqual([{ actor: 'command-line' }]);
    const intact = await run('audit', 'verify');
    expect(intact).toMatchObject({ exitCode: 0 });
    const place = /Place: (\d+:[0-9a-f]{64})/.exec(intact.stdout)?.[1] ?? '';
    expect(await run('audit', 'verify', '--expect', place)).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('The last checkpoint before vouches for'),
    });
    const elsewhere = place.replace(/.$/, (digit) => (digit === '0' ? '1' : '0'));
    expect((await run('audit', 'verify', '--expect', elsewhere)).stdout).toContain(
      'CHAIN_REWRITTEN',
    );
    await sql(`alter table registry.audit_log disable trigger user;
               delete from registry.audit_log where id = (select entry_id from registry.audit_chain where position = 3)`);
    const broken = await run('audit', 'verify');
    expect(broken.exitCode).toBe(1);
    expect(broken.stdout).toContain('The audit log was tampered with: ENTRY_MISSING at place 3');
  });
});
