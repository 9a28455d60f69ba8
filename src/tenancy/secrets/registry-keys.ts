/** The key providers that the configuration names, and the secret box that stands on them. */
import type { Knex } from 'knex';
import type { Config } from '../../config';
import { createDataKeys, type DataKeys } from './data-keys';
import { createDataKeyStore, type DataKeyStore } from './data-keys.store';
import type { KeyProvider, KeyProviderName } from './key-provider';
import { KeyringError, parseKeyring, type Keyring } from './keyring';
import { createKmsKeys } from './kms-keys';
import { createLocalKeys } from './local-keys';
import { createMasterKeys, type MasterKeys } from './master-keys';
import { createSecretBox, type SecretBox } from './secret-box';
import { createVaultKeys } from './vault-keys';

export interface RegistryKeys {
  readonly masterKeys: MasterKeys;
  /** REGISTRY_KEYS, where given. */
  readonly keyring: Keyring | undefined;
  readonly secretBox: SecretBox;
  readonly dataKeys: DataKeys;
  readonly dataKeyStore: DataKeyStore;
}

/**
 * Nothing is asked of a key service before the first secret.
 * @param rowTtlMs how long the rows of data keys are believed; asked each time.
 * @throws KeyringError.
 */
export function createRegistryKeys(
  { registry: { keys, masterKeys: settings, dataKeyTtlMs } }: Config,
  registryDb: Knex,
  rowTtlMs: () => number,
): RegistryKeys {
  const keyring = keys === undefined ? undefined : parseKeyring(keys);
  const { provider, timeoutMs, kms, vault } = settings;
  const configured: Partial<Record<KeyProviderName, KeyProvider>> = {
    ...(keyring === undefined ? {} : { local: createLocalKeys(keyring) }),
    ...(kms === undefined ? {} : { 'aws-kms': createKmsKeys({ ...kms, timeoutMs }) }),
    ...(vault === undefined ? {} : { vault: createVaultKeys({ ...vault, timeoutMs }) }),
  };
  const active = configured[provider];
  if (active === undefined) {
    throw new KeyringError(`REGISTRY_KEY_PROVIDER is ${provider}, but its keys are not given.`);
  }
  const others = Object.values(configured).filter((other) => other !== active);
  const masterKeys = createMasterKeys(active, others);
  const dataKeyStore = createDataKeyStore(registryDb);
  const dataKeys = createDataKeys(dataKeyStore, masterKeys, {
    lifetimeMs: dataKeyTtlMs,
    ttlMs: rowTtlMs,
  });
  const secretBox = createSecretBox(dataKeys, keyring);
  return { masterKeys, keyring, secretBox, dataKeys, dataKeyStore };
}
