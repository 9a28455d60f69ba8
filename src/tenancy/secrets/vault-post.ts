/** Requests to Vault's HTTP API. */
import { SECOND } from '../../lib/duration';
import { KeyProviderError } from './key-provider';

/** Where Vault is, and how long it may take. */
export interface VaultPlace {
  readonly address: string;
  readonly namespace: string | undefined;
  readonly timeoutMs: number;
}

/** What Vault answers, as far as it is of use here. */
export interface VaultAnswer {
  readonly status: number;
  readonly data: Readonly<Record<string, unknown>>;
  readonly auth: Readonly<Record<string, unknown>>;
}

export type VaultPost = (
  path: string,
  body: Readonly<Record<string, unknown>>,
  token?: string,
) => Promise<VaultAnswer>;

/** @throws KeyProviderError when it gives no answer; what it refuses is an answer. */
export function createVaultPost({ address, namespace, timeoutMs }: VaultPlace): VaultPost {
  const attempt = async (
    path: string,
    body: Readonly<Record<string, unknown>>,
    token: string | undefined,
    signal: AbortSignal,
  ): Promise<VaultAnswer> => {
    const response = await fetch(`${address}/v1/${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-vault-request': 'true',
        ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }),
        ...(token === undefined ? {} : { 'x-vault-token': token }),
      },
      body: JSON.stringify(body),
      // A token must not follow to another host.
      redirect: 'error',
      signal,
    });
    const text = await response.text();
    const answer = (response.status === 200 ? JSON.parse(text) : {}) as Partial<VaultAnswer>;
    return { status: response.status, data: answer.data ?? {}, auth: answer.auth ?? {} };
  };
  return async (path, body, token) => {
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      return await attempt(path, body, token, signal).catch((error: unknown) => {
        if (signal.aborted) throw error;
        // Once more: the connection that was kept may have been closed by the other side.
        return attempt(path, body, token, signal);
      });
    } catch (cause) {
      const why = signal.aborted ? `within ${timeoutMs / SECOND} s` : 'to a request';
      throw new KeyProviderError(`Vault gave no answer ${why}.`, { cause });
    }
  };
}
