/** The providers of master keys, each against a server that speaks its protocol and really seals. */
import { randomBytes } from 'node:crypto';
import { createKmsKeys } from '../../src/tenancy/secrets/kms-keys';
import { createLocalKeys } from '../../src/tenancy/secrets/local-keys';
import { EnvelopeError } from '../../src/tenancy/secrets/envelope';
import { generateKey, parseKeyring } from '../../src/tenancy/secrets/keyring';
import { KeyProviderError, type KeyProvider } from '../../src/tenancy/secrets/key-provider';
import { createMasterKeys } from '../../src/tenancy/secrets/master-keys';
import { createVaultKeys } from '../../src/tenancy/secrets/vault-keys';
import { useAwsCredentials } from '../support/aws-credentials';
import type { KeyService } from '../support/key-service';
import { startKmsServer, type KmsServer } from '../support/kms-server';
import { startVaultServer, type VaultServer } from '../support/vault-server';

const ONE = '018f0000-0000-7000-8000-000000000001';
const OTHER = '018f0000-0000-7000-8000-000000000002';
const TIMEOUT_MS = 300;
const key = randomBytes(32);

let kms: KmsServer;
let vault: VaultServer;

useAwsCredentials();
beforeAll(async () => {
  [kms, vault] = await Promise.all([
    startKmsServer(['arn:one', 'arn:two']),
    startVaultServer(['cloister', 'older']),
  ]);
});
afterAll(async () => {
  await Promise.all([kms.close(), vault.close()]);
});

const kmsKeys = (keyIds = ['arn:one', 'arn:two']): KeyProvider =>
  createKmsKeys({ keyIds, region: 'eu-central-1', endpoint: kms.url, timeoutMs: TIMEOUT_MS });
const vaultKeys = (
  keyNames = ['cloister', 'older'],
  credentials: Parameters<typeof createVaultKeys>[0]['credentials'] = { token: vault.token },
): KeyProvider =>
  createVaultKeys({
    address: vault.url,
    namespace: undefined,
    mount: 'transit',
    keyNames,
    credentials,
    timeoutMs: TIMEOUT_MS,
  });
const localKeys = (): KeyProvider => createLocalKeys(parseKeyring(generateKey('k1')));

describe.each([
  ['local', localKeys],
  ['aws-kms', kmsKeys],
  ['vault', vaultKeys],
] as const)('master keys of %s', (name, make) => {
  it('open what they sealed, never the same twice', async () => {
    const keys = make();
    const [first, second] = [await keys.wrap(key, ONE), await keys.wrap(key, ONE)];
    expect(first.keySealed).not.toBe(second.keySealed);
    expect(first.masterKeyId).toBe(await keys.findActiveKeyId());
    expect(keys.holds(first.masterKeyId)).toBe(true);
    expect(await keys.unwrap(first, ONE)).toEqual(key);
    expect(keys.name).toBe(name);
    keys.close();
  });

  it('refuse a data key under another one’s id, or changed', async () => {
    const keys = make();
    const wrapped = await keys.wrap(key, ONE);
    await expect(keys.unwrap(wrapped, OTHER)).rejects.toThrow(EnvelopeError);
    // Not the very last, whose lower bits mean nothing in base 64.
    for (const at of [-6, -20, -40]) {
      const { keySealed } = wrapped;
      const index = keySealed.length + at;
      const changed = `${keySealed.slice(0, index)}${keySealed[index] === 'A' ? 'B' : 'A'}${keySealed.slice(index + 1)}`;
      await expect(keys.unwrap({ ...wrapped, keySealed: changed }, ONE)).rejects.toThrow(
        EnvelopeError,
      );
    }
    keys.close();
  });
});

describe.each([
  ['AWS KMS', (): KeyService => kms, kmsKeys],
  ['Vault', (): KeyService => vault, vaultKeys],
] as const)('%s out of reach', (_name, serviceOf, make) => {
  afterEach(() => serviceOf().set('works'));

  it.each(['silent', 'broken', 'cut'] as const)(
    'is told from a refusal, and within its time, when it is %s',
    async (mode) => {
      const keys = make();
      const wrapped = await keys.wrap(key, ONE);
      serviceOf().set(mode);
      await expect(keys.unwrap(wrapped, ONE)).rejects.toThrow(KeyProviderError);
      await expect(keys.wrap(key, ONE)).rejects.toThrow(KeyProviderError);
      serviceOf().set('works');
      expect(await keys.unwrap(wrapped, ONE)).toEqual(key);
      keys.close();
    },
  );
});

describe('AWS KMS', () => {
  it('opens with a key further down the list, and refuses one that was struck off', async () => {
    const wrapped = await kmsKeys(['arn:two']).wrap(key, ONE);
    expect(await kmsKeys(['arn:one', 'arn:two']).unwrap(wrapped, ONE)).toEqual(key);
    const without = createMasterKeys(kmsKeys(['arn:one']));
    await expect(without.unwrap({ provider: 'aws-kms', ...wrapped }, ONE)).rejects.toThrow(
      'REGISTRY_KMS_KEYS does not hold',
    );
  });

  it('takes a disabled key for a refusal, and missing rights for no answer', async () => {
    const server = await startKmsServer(['arn:one']);
    const keys = createKmsKeys({
      keyIds: ['arn:one'],
      region: 'eu-central-1',
      endpoint: server.url,
      timeoutMs: TIMEOUT_MS,
    });
    const wrapped = await keys.wrap(key, ONE);
    server.fail('Decrypt', 'AccessDeniedException');
    await expect(keys.unwrap(wrapped, ONE)).rejects.toThrow(
      new KeyProviderError('AWS KMS gave no answer: AccessDeniedException.'),
    );
    server.fail('Decrypt', undefined);
    server.disable('arn:one');
    await expect(keys.unwrap(wrapped, ONE)).rejects.toThrow(
      new EnvelopeError('AWS KMS refuses the data key: DisabledException.'),
    );
    keys.close();
    await server.close();
  });
});

describe('Vault', () => {
  it('seals with the newest version after a rotation there, and opens older ones', async () => {
    const keys = vaultKeys();
    const before = await keys.wrap(key, ONE);
    vault.rotate('cloister');
    const active = await keys.findActiveKeyId();
    expect(active).not.toBe(before.masterKeyId);
    expect(await keys.unwrap(before, ONE)).toEqual(key);
    const rewrapped = await keys.rewrap?.(before);
    expect(rewrapped?.masterKeyId).toBe(active);
    if (rewrapped === undefined) throw new Error('Expected Vault to rewrap.');
    expect(await keys.unwrap(rewrapped, ONE)).toEqual(key);
    vault.retireBelow('cloister', Number(active.split(':v')[1]));
    await expect(keys.unwrap(before, ONE)).rejects.toThrow(EnvelopeError);
    expect(await keys.unwrap(rewrapped, ONE)).toEqual(key);
  });

  it('goes over to another key by name without rewrapping there', async () => {
    const older = await vaultKeys(['older']).wrap(key, ONE);
    const masterKeys = createMasterKeys(vaultKeys(['cloister', 'older']));
    const moved = await masterKeys.rewrap({ provider: 'vault', ...older }, ONE);
    expect(moved.masterKeyId).toMatch(/^cloister:v\d+$/);
    expect(await masterKeys.unwrap(moved, ONE)).toEqual(key);
  });

  it('logs in by AppRole once for all, and again when its token was revoked', async () => {
    const { roleId, secretId, calls } = vault;
    const keys = vaultKeys(['cloister'], { roleId, secretId });
    const logins = () => calls.filter((call) => call === 'auth/approle/login').length;
    const before = logins();
    const wrapped = await Promise.all([keys.wrap(key, ONE), keys.wrap(key, OTHER)]);
    expect(logins()).toBe(before + 1);
    vault.revokeTokens();
    expect(await keys.unwrap(wrapped[0], ONE)).toEqual(key);
    expect(logins()).toBe(before + 2);
  });

  it('takes a refused token for no answer, and says no more of it than the status', async () => {
    const keys = vaultKeys(['cloister'], { token: 'hvs.wrong-and-secret' });
    const failure = await keys.wrap(key, ONE).catch((error: unknown) => error as Error);
    expect(failure).toEqual(new KeyProviderError('Vault answered 403 to encrypt with "cloister".'));
  });
});

it('goes over from one provider to another, and the new one alone opens what it sealed', async () => {
  const local = localKeys();
  const sealed = await createMasterKeys(local).wrap(key, ONE);
  const both = createMasterKeys(vaultKeys(), [local]);
  const moved = await both.rewrap(sealed, ONE);
  expect(moved.provider).toBe('vault');
  expect(await createMasterKeys(vaultKeys()).unwrap(moved, ONE)).toEqual(key);
  await expect(createMasterKeys(vaultKeys()).unwrap(sealed, ONE)).rejects.toThrow(
    'REGISTRY_KEYS does not hold',
  );
});
