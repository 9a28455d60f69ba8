/**
 * The configured key providers as one: the chosen one seals, every configured one opens, so that a
 * registry can go over from one to another while it is served.
 */
import { EnvelopeError } from './envelope';
import type { KeyProvider, KeyProviderName, WrappedKey } from './key-provider';

export interface SealedByMaster extends WrappedKey {
  readonly provider: KeyProviderName;
}

export interface MasterKeys {
  readonly active: KeyProvider;
  readonly providers: readonly KeyProvider[];
  /** Whether a data key may be opened: its provider is configured and its master key on the list. */
  holds(sealed: Pick<SealedByMaster, 'provider' | 'masterKeyId'>): boolean;
  wrap(key: Buffer, context: string): Promise<SealedByMaster>;
  unwrap(sealed: SealedByMaster, context: string): Promise<Buffer>;
  /** Seals with the key that is active now. What it answers is known to open to the same key. */
  rewrap(sealed: SealedByMaster, context: string): Promise<SealedByMaster>;
  close(): void;
}

const DATA_KEY_BYTES = 32;

export function createMasterKeys(
  active: KeyProvider,
  others: readonly KeyProvider[] = [],
): MasterKeys {
  const providers = [active, ...others];
  const find = (name: KeyProviderName): KeyProvider | undefined =>
    providers.find((provider) => provider.name === name);

  const providerOf = (sealed: Pick<SealedByMaster, 'provider' | 'masterKeyId'>): KeyProvider => {
    const provider = find(sealed.provider);
    if (provider?.holds(sealed.masterKeyId) === true) return provider;
    throw new EnvelopeError(
      `The data key was sealed with the master key "${sealed.masterKeyId}" of ${sealed.provider}, ` +
        `which ${VARIABLE_OF[sealed.provider]} does not hold.`,
    );
  };
  const wrap = async (key: Buffer, context: string): Promise<SealedByMaster> => ({
    provider: active.name,
    ...(await active.wrap(key, context)),
  });
  const unwrap = async (sealed: SealedByMaster, context: string): Promise<Buffer> => {
    const key = await providerOf(sealed).unwrap(sealed, context);
    if (key.length === DATA_KEY_BYTES) return key;
    throw new EnvelopeError(`Expected a data key of ${DATA_KEY_BYTES} bytes, got ${key.length}.`);
  };

  return {
    active,
    providers,
    holds: ({ provider, masterKeyId }) => find(provider)?.holds(masterKeyId) === true,
    wrap,
    unwrap,
    async rewrap(sealed, context) {
      const provider = providerOf(sealed);
      // The key stays with the provider, which has opened it to do so.
      const there = provider === active ? await provider.rewrap?.(sealed) : undefined;
      if (there !== undefined) return { provider: provider.name, ...there };
      const key = await unwrap(sealed, context);
      const rewrapped = await wrap(key, context);
      // Before the old one is overwritten: a key that cannot be got back takes its secrets with it.
      if (key.equals(await unwrap(rewrapped, context))) return rewrapped;
      throw new EnvelopeError('The data key did not open to itself after it was sealed anew.');
    },
    close() {
      for (const provider of providers) provider.close();
    },
  };
}

const VARIABLE_OF: Readonly<Record<KeyProviderName, string>> = {
  local: 'REGISTRY_KEYS',
  'aws-kms': 'REGISTRY_KMS_KEYS',
  vault: 'REGISTRY_VAULT_KEYS',
};
