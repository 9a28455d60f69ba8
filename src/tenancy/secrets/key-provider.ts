/**
 * What holds a master key: it seals data keys and opens them, and nothing else. Implementations are
 * the keyring of REGISTRY_KEYS (`local-keys.ts`), AWS KMS and HashiCorp Vault.
 */

export const KEY_PROVIDERS = ['local', 'aws-kms', 'vault'] as const;
export type KeyProviderName = (typeof KEY_PROVIDERS)[number];

/** A data key as it is stored. */
export interface WrappedKey {
  /** Which of the provider's keys sealed it, version included where it has versions. */
  readonly masterKeyId: string;
  readonly keySealed: string;
}

/**
 * All methods answer within the configured time. `context` is the data key's id: a wrapped key opens
 * under its own id only, so that two that change places are found out.
 * @throws EnvelopeError when the provider refuses what was given to it (unknown or retired key,
 *   changed text, other context), KeyProviderError when it does not answer or does not let us in.
 */
export interface KeyProvider {
  readonly name: KeyProviderName;
  /** The master keys that open here, as configured; the first seals. */
  readonly keyIds: readonly string[];
  /** Whether a wrapped key may be opened: its master key is still on the list. */
  holds(masterKeyId: string): boolean;
  /** What `wrap` seals with now. */
  findActiveKeyId(): Promise<string>;
  wrap(key: Buffer, context: string): Promise<WrappedKey>;
  unwrap(wrapped: WrappedKey, context: string): Promise<Buffer>;
  /**
   * Seals anew with what seals now, without showing us the key; absent where the provider has nothing
   * of the kind, undefined where it cannot go from that master key to this one.
   */
  rewrap?(wrapped: WrappedKey): Promise<WrappedKey | undefined>;
  close(): void;
}

/** The provider does not answer, or does not let us in. What is in memory goes on meanwhile. */
export class KeyProviderError extends Error {
  override readonly name = 'KeyProviderError';
}
