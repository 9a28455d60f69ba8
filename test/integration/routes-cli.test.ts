/** `cloister numbers` and `cloister hostnames`, as an operator types them. */
import { cliEnvironment, cloister, type CliResult } from '../support/cli';
import { createWorld, type World } from '../support/world';

const NUMBER = '+4312345670';
const SECRET = 'the-secret-of-the-provider';

let world: World;
let environment: Record<string, string>;
beforeAll(async () => {
  world = await createWorld();
  environment = { ...cliEnvironment(world.registry), CLOISTER_NUMBER_SECRET: SECRET };
});
afterAll(() => world.close());

async function run(...args: string[]): Promise<CliResult> {
  const result = await cloister(args, environment);
  expect(`${result.stdout}${result.stderr}`).not.toContain(SECRET);
  return result;
}

describe('cloister numbers', () => {
  const add = (tenant: string, ...more: string[]) =>
    run('numbers', 'add', NUMBER, '--tenant', tenant, '--scheme', 'twilio', ...more);

  it('gives a number to a tenant, lists it, moves it and takes it away', async () => {
    expect(await add('alpha')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('/webhooks/sms/twilio') as string,
    });
    expect((await run('numbers', 'list')).stdout).toMatch(/\+4312345670 +alpha +twilio/);
    expect(await add('beta')).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('belongs to another tenant') as string,
    });
    expect(await add('beta', '--move')).toMatchObject({ exitCode: 0 });
    expect((await run('numbers', 'list')).stdout).toMatch(/\+4312345670 +beta/);
    expect(await run('numbers', 'remove', NUMBER)).toMatchObject({ exitCode: 0 });
    expect(await run('numbers', 'remove', NUMBER)).toMatchObject({ exitCode: 1 });
  });

  it('makes a secret and shows it once', async () => {
    const args = ['numbers', 'add', NUMBER, '--tenant', 'alpha', '--scheme', 'standard'];
    const { stdout } = await run(...args, '--generate-secret');
    expect(stdout).toMatch(/whsec_[\w+/]{43}=/);
    expect((await run('numbers', 'list')).stdout).not.toContain('whsec_');
  });

  it.each([
    ['a number that is none', ['12345', '--tenant', 'alpha', '--scheme', 'twilio'], 'E.164'],
    ['an unknown tenant', [NUMBER, '--tenant', 'nobody', '--scheme', 'twilio'], 'no tenant'],
    ['an unknown scheme', [NUMBER, '--tenant', 'alpha', '--scheme', 'x'], 'Allowed choices'],
  ])('refuses %s', async (_what, args, message) => {
    const { exitCode, stderr } = await run('numbers', 'add', ...args);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(message);
  });

  it('names the command line in the audit log', async () => {
    const rows = await world.sql(
      world.registry,
      `select distinct actor from registry.audit_log where table_name = 'phone_numbers'`,
    );
    expect(rows).toEqual([{ actor: 'command-line' }]);
  });
});

describe('cloister hostnames', () => {
  it('claims a name, says what to publish, lists it and gives it up', async () => {
    const { stdout } = await run('hostnames', 'add', 'CRM.alpha.test', '--tenant', 'alpha');
    expect(stdout).toMatch(/_cloister-verify\.crm\.alpha\.test\. TXT "[0-9a-f]{48}"/);
    expect((await run('hostnames', 'list')).stdout).toMatch(/crm\.alpha\.test +alpha +no +0/);
    expect((await run('hostnames', 'recheck')).stdout).toContain('0 looked at, 0 lost');
    const remove = ['hostnames', 'remove', 'crm.alpha.test', '--tenant'];
    expect(await run(...remove, 'beta')).toMatchObject({ exitCode: 1 });
    expect(await run(...remove, 'alpha')).toMatchObject({ exitCode: 0 });
    expect(await run('hostnames', 'verify', 'crm.alpha.test', '--tenant', 'alpha')).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('no such host name') as string,
    });
  });

  it('refuses a name that is none', async () => {
    expect(await run('hostnames', 'add', 'localhost', '--tenant', 'alpha')).toMatchObject({
      exitCode: 1,
    });
  });
});
