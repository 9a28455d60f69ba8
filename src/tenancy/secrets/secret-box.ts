/**
 * Seals what belongs to a tenant or a data source, and opens it. Each owner has data keys of its own,
 * which the envelope names. Envelopes that a key of REGISTRY_KEYS sealed directly, as registries did before
 * there were data keys, open as well until a rotation has replaced them.
 */
import { isAppError, tenantUnavailable } from '../../errors';
import type { DataKeys, DataKeysStats } from './data-keys';
import type { KeyOwner } from './data-keys.store';
import { EnvelopeError, open, openWithKey, sealWithKey, type SealedPlace } from './envelope';
import type { Keyring } from './keyring';
import { dataKeyName, sealedWith } from './sealed-with';

export interface SecretBox {
  /**
   * Seals for the owner with its own data key, which is made at first use. Asks the registry on a
   * connection of its own: call it before you open a transaction there, not within.
   * @param place the row's id and the column where it will be stored: it opens nowhere else.
   * @throws TENANT_UNAVAILABLE: REGISTRY_UNREACHABLE, KEY_PROVIDER_UNREACHABLE, BAD_KEY.
   */
  seal(owner: KeyOwner, place: SealedPlace, text: string): Promise<string>;
  /**
   * @throws TENANT_UNAVAILABLE: BAD_KEY when it was changed, moved, sealed for somebody else or with
   *   a key that we do not hold (the cause, an EnvelopeError, says which); REGISTRY_UNREACHABLE,
   *   KEY_PROVIDER_UNREACHABLE.
   */
  open(owner: KeyOwner, place: SealedPlace, envelope: string): Promise<string>;
  /**
   * Destroys the owner's data keys: nothing that was sealed for it opens again, here or in any other
   * process. @returns how many there were.
   */
  destroyKeysOf(owner: KeyOwner): Promise<number>;
  /**
   * The master key that a value needs in the end, for people to read; undefined when it is no
   * envelope, or its data key is gone or cannot be looked up.
   */
  findMasterKeyId(envelope: string): Promise<string | undefined>;
  /** A data key was destroyed or sealed anew; or any may have been. */
  invalidate(dataKeyId?: string): void;
  stats(): DataKeysStats;
}

export function createSecretBox(dataKeys: DataKeys, keyring: Keyring | undefined): SecretBox {
  return {
    seal: (owner, place, text) =>
      unavailableUnlessDone(async () => {
        const { id, key } = await dataKeys.getActive(owner);
        return sealWithKey(text, place, { id: dataKeyName(id), key });
      }),
    open: (owner, place, envelope) =>
      unavailableUnlessDone(async () => {
        const { dataKeyId, masterKeyId } = sealedWith(envelope);
        if (masterKeyId !== undefined) {
          if (keyring !== undefined) return open(envelope, place, keyring);
          throw new EnvelopeError(
            `The value was sealed with the key "${masterKeyId}", and REGISTRY_KEYS is not set.`,
          );
        }
        const found = await dataKeys.get(dataKeyId);
        if (found.owner.kind === owner.kind && found.owner.id === owner.id) {
          return openWithKey(envelope, place, found.key);
        }
        throw new EnvelopeError('The value was sealed for another owner.');
      }),
    destroyKeysOf: (owner) => dataKeys.destroyOf(owner),
    async findMasterKeyId(envelope) {
      try {
        const { dataKeyId, masterKeyId } = sealedWith(envelope);
        return masterKeyId ?? (await dataKeys.findMasterKeyId(dataKeyId));
      } catch {
        return undefined; // what is wrong with it is told where it is opened
      }
    },
    invalidate: (dataKeyId) => dataKeys.invalidate(dataKeyId),
    stats: () => dataKeys.stats(),
  };
}

async function unavailableUnlessDone<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isAppError(error) ? error : tenantUnavailable('BAD_KEY', error);
  }
}
