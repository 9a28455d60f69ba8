/**
 * HashiCorp Vault as far as cloister speaks with it: the transit engine and the log-in by AppRole.
 * https://developer.hashicorp.com/vault/api-docs/secret/transit
 */
import { randomBytes } from 'node:crypto';
import { openBytes, sealBytes, startKeyService, type KeyService, type Reply } from './key-service';

export interface VaultServer extends KeyService {
  readonly token: string;
  readonly roleId: string;
  readonly secretId: string;
  /** `vault write -f transit/keys/<name>/rotate` */
  rotate(name: string): void;
  /** `vault write transit/keys/<name>/config min_decryption_version=<version>` */
  retireBelow(name: string, version: number): void;
  /** All tokens that were got by AppRole. */
  revokeTokens(): void;
}

export async function startVaultServer(names: readonly string[]): Promise<VaultServer> {
  const keys = new Map(names.map((name) => [name, { versions: [randomBytes(32)], least: 1 }]));
  const token = `hvs.${randomBytes(12).toString('hex')}`;
  const roleId = randomBytes(8).toString('hex');
  const secretId = randomBytes(8).toString('hex');
  const tokens = new Set([token]);

  const refusal = (status: number, message: string): Reply => ({
    status,
    body: { errors: [message] },
  });
  const data = (fields: Record<string, unknown>): Reply => ({
    status: 200,
    body: { data: fields },
  });
  const latestOf = (name: string): { version: number; key: Buffer } | undefined => {
    const versions = keys.get(name)?.versions ?? [];
    const key = versions.at(-1);
    return key === undefined ? undefined : { version: versions.length, key };
  };

  function encrypt(name: string, plaintext: Buffer): Reply {
    const latest = latestOf(name);
    if (latest === undefined) return refusal(400, 'encryption key not found');
    const sealed = sealBytes(latest.key, plaintext, '').toString('base64');
    return data({ ciphertext: `vault:v${latest.version}:${sealed}`, key_version: latest.version });
  }

  function decrypt(name: string, ciphertext: string): Buffer | Reply {
    const [, version = '0', sealed = ''] = /^vault:v(\d+):(.+)$/.exec(ciphertext) ?? [];
    const held = keys.get(name);
    if (held === undefined) return refusal(400, 'encryption key not found');
    const key = held.versions[Number(version) - 1];
    if (Number(version) < held.least) return refusal(400, 'ciphertext version is disallowed');
    const plaintext =
      key === undefined ? undefined : openBytes(key, Buffer.from(sealed, 'base64'), '');
    return plaintext ?? refusal(400, 'cipher: message authentication failed');
  }

  function login(body: Record<string, unknown>): Reply {
    if (body['role_id'] !== roleId || body['secret_id'] !== secretId) {
      return refusal(400, 'invalid role or secret ID');
    }
    const issued = `hvs.${randomBytes(12).toString('hex')}`;
    tokens.add(issued);
    return { status: 200, body: { auth: { client_token: issued, lease_duration: 3600 } } };
  }

  const service = await startKeyService(
    ({ url = '' }) => url.replace('/v1/', ''),
    ({ url = '', headers }, body) => {
      if (url === '/v1/auth/approle/login') return login(body);
      if (!tokens.has(String(headers['x-vault-token']))) return refusal(403, 'permission denied');
      const [, operation, name = ''] =
        /^\/v1\/transit\/(encrypt|decrypt|rewrap|datakey\/plaintext)\/([^/]+)$/.exec(url) ?? [];
      if (operation === undefined) return refusal(404, 'no handler for route');
      if (operation === 'encrypt')
        return encrypt(name, Buffer.from(String(body['plaintext']), 'base64'));
      if (operation.startsWith('datakey')) return encrypt(name, randomBytes(32));
      const opened = decrypt(name, String(body['ciphertext']));
      if (!Buffer.isBuffer(opened)) return opened;
      return operation === 'rewrap'
        ? encrypt(name, opened)
        : data({ plaintext: opened.toString('base64') });
    },
  );
  return Object.assign(service, {
    token,
    roleId,
    secretId,
    rotate: (name: string) => void keys.get(name)?.versions.push(randomBytes(32)),
    retireBelow: (name: string, version: number) => {
      const held = keys.get(name);
      if (held !== undefined) held.least = version;
    },
    revokeTokens: () => {
      tokens.clear();
      tokens.add(token);
    },
  });
}
