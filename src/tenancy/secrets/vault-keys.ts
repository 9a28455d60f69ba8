/**
 * Master keys in HashiCorp Vault (or OpenBao): its transit secrets engine, over its HTTP API.
 * https://developer.hashicorp.com/vault/api-docs/secret/transit
 *
 * A key of transit has versions, which are part of the master key's id: `cloister:v3`. Transit's
 * `rewrap` takes no associated data, so the data key's id travels inside what is sealed instead and
 * is compared on opening.
 */
import { EnvelopeError } from './envelope';
import { KeyProviderError, type KeyProvider, type WrappedKey } from './key-provider';
import { createVaultLogin, type VaultCredentials } from './vault-login';
import { createVaultPost } from './vault-post';

export interface VaultSettings {
  /** `https://vault.example.com:8200`. */
  readonly address: string;
  readonly namespace: string | undefined;
  /** Where the transit engine is mounted. */
  readonly mount: string;
  /** Names of transit keys; the first seals, all open. */
  readonly keyNames: readonly string[];
  readonly credentials: VaultCredentials;
  readonly timeoutMs: number;
}

const REFUSED = 400;
const FORBIDDEN = 403;
const CIPHERTEXT = /^vault:(v\d+):[A-Za-z0-9+/=]+$/;

export function createVaultKeys(settings: VaultSettings): KeyProvider {
  const { mount, keyNames, credentials } = settings;
  const [activeName = ''] = keyNames;
  const post = createVaultPost(settings);
  const login = createVaultLogin(credentials, post);

  async function call(
    operation: 'encrypt' | 'decrypt' | 'rewrap',
    keyName: string,
    body: Readonly<Record<string, unknown>>,
  ): Promise<Readonly<Record<string, unknown>>> {
    const path = `${mount}/${operation}/${encodeURIComponent(keyName)}`;
    let answer = await post(path, body, await login.token());
    if (answer.status === FORBIDDEN && login.renew()) {
      answer = await post(path, body, await login.token());
    }
    if (answer.status === 200) return answer.data;
    if (answer.status === REFUSED) {
      throw new EnvelopeError(
        `Vault refuses to ${operation} with the transit key "${keyName}": the text was changed, or its version is retired.`,
      );
    }
    throw new KeyProviderError(
      `Vault answered ${answer.status} to ${operation} with "${keyName}".`,
    );
  }

  async function wrap(key: Buffer, context: string): Promise<WrappedKey> {
    const plaintext = Buffer.from(`${context} ${key.toString('base64')}`).toString('base64');
    return wrappedKey(activeName, await call('encrypt', activeName, { plaintext }));
  }

  return {
    name: 'vault',
    keyIds: keyNames,
    holds: (masterKeyId) => keyNames.includes(nameOf(masterKeyId)),
    // Sealing tells, and needs no right beyond those that are needed anyway.
    findActiveKeyId: async () => (await wrap(Buffer.alloc(0), 'probe')).masterKeyId,
    wrap,
    async unwrap({ masterKeyId, keySealed }, context) {
      const name = nameOf(masterKeyId);
      if (`${name}:${versionOf(keySealed)}` !== masterKeyId) {
        throw new EnvelopeError('The data key names another master key than its row does.');
      }
      const { plaintext } = await call('decrypt', name, { ciphertext: keySealed });
      const [sealedFor, key = ''] = Buffer.from(String(plaintext), 'base64').toString().split(' ');
      if (sealedFor === context) return Buffer.from(key, 'base64');
      throw new EnvelopeError('The data key was sealed as another one.');
    },
    async rewrap({ masterKeyId, keySealed }) {
      const name = nameOf(masterKeyId);
      // From one version of a key to the next; to another key there is no way past us.
      if (name !== activeName) return undefined;
      return wrappedKey(name, await call('rewrap', name, { ciphertext: keySealed }));
    },
    close: () => undefined,
  };
}

const nameOf = (masterKeyId: string): string => masterKeyId.replace(/:v\d+$/, '');

function versionOf(ciphertext: string): string {
  const version = CIPHERTEXT.exec(ciphertext)?.[1];
  if (version === undefined) throw new EnvelopeError('Expected a ciphertext vault:v<n>:….');
  return version;
}

function wrappedKey(name: string, data: Readonly<Record<string, unknown>>): WrappedKey {
  const keySealed = String(data['ciphertext']);
  return { masterKeyId: `${name}:${versionOf(keySealed)}`, keySealed };
}
