import { createConfig, readEnvironment, REQUIRED_WITH_REGISTRY } from '../../src/config';
import { parseTokenKeys } from '../../src/auth/token-keys';
import { parseKeyring } from '../../src/tenancy/secrets/keyring';
import { cliEnvironment, cloister } from '../support/cli';
import { createWorld, type World } from '../support/world';

const OLD = `t1:${'0123456789abcdef'.repeat(4)}`;
const NEW = `t2:${'fedcba9876543210'.repeat(4)}`;

describe('cloister keys generate', () => {
  it('prints one entry for REGISTRY_KEYS, another each time, and needs no configuration', async () => {
    const first = await cloister(['keys', 'generate', '--id', 'k2'], {});
    const second = await cloister(['keys', 'generate', '--id', 'k2'], {});
    expect(first.stdout).toMatch(/^k2:[0-9a-f]{64}\n$/);
    expect(second.stdout).not.toBe(first.stdout);
    expect(parseKeyring(first.stdout.trim()).activeKeyId).toBe('k2');
  });

  it('prints with --all every variable that REGISTRY_URL requires, in a form that is accepted', async () => {
    const { stdout } = await cloister(['keys', 'generate', '--all'], {});
    const variables = Object.fromEntries(
      stdout
        .trim()
        .split('\n')
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    ) as Record<string, string>;
    expect(Object.keys(variables)).toEqual([...REQUIRED_WITH_REGISTRY]);
    const REGISTRY_URL = 'postgres://app:pw@127.0.0.1/registry';
    const config = createConfig(readEnvironment({ ...variables, REGISTRY_URL }));
    expect(parseKeyring(config.registry.keys ?? '').keyIds).toEqual(['k1']);
    expect(parseTokenKeys(config.auth.jwtKeys).signing.kid).toBe('j1');
  });

  it('refuses an id that could not stand in REGISTRY_KEYS', async () => {
    expect(await cloister(['keys', 'generate', '--id', 'a:b'], {})).toMatchObject({
      exitCode: 1,
      stdout: '',
      stderr: expect.stringContaining('--id') as string,
    });
  });
});

describe('cloister keys check', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld();
  });
  afterAll(() => world.close());

  const check = (keys: string) => cloister(['keys', 'check'], cliEnvironment(world.registry, keys));

  it('says which key ids are in use and that every sealed value opens', async () => {
    const { exitCode, stdout } = await check(`${NEW},${OLD},t0:${'ab'.repeat(32)}`);
    expect(stdout).toContain('REGISTRY_KEYS holds t2, t1, t0; t2 seals.');
    expect(stdout).toMatch(/t1 +local +3 +0 +needed until `keys rotate`/);
    expect(stdout).toMatch(/t0 +local +0 +0 +may be struck off/);
    expect(stdout).toContain('All 6 sealed values and 3 data keys open.');
    expect(exitCode).toBe(0);
  });

  it('names each value that does not open, and no key', async () => {
    for (const keys of [NEW, `t1:${'ab'.repeat(32)}`]) {
      const { exitCode, stdout, stderr } = await check(keys);
      expect(exitCode).toBe(1);
      for (const column of ['url_sealed', 'migration_url_sealed']) {
        expect(stdout).toContain(`FAIL  shared.${column}: `);
      }
      expect(stdout + stderr).not.toMatch(/[0-9a-f]{32}|postgres:/);
    }
  });

  it('names a key that is no key, without repeating it', async () => {
    const { exitCode, stderr } = await check('t1:short-and-secret');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('Key "t1" of REGISTRY_KEYS: expected exactly 32 bytes');
    expect(stderr).not.toContain('short-and-secret');
  });
});
