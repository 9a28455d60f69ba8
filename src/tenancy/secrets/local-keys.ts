/** Master keys in REGISTRY_KEYS: the first seals, all open, one struck off the list is refused. */
import { EnvelopeError, keyIdOf, open, seal } from './envelope';
import type { KeyProvider } from './key-provider';
import type { Keyring } from './keyring';

const COLUMN = 'data_keys.key_sealed';

export function createLocalKeys(keyring: Keyring): KeyProvider {
  return {
    name: 'local',
    keyIds: keyring.keyIds,
    holds: (masterKeyId) => keyring.find(masterKeyId) !== undefined,
    findActiveKeyId: async () => keyring.activeKeyId,
    wrap: async (key, context) => ({
      masterKeyId: keyring.activeKeyId,
      keySealed: seal(key.toString('base64'), { rowId: context, column: COLUMN }, keyring),
    }),
    unwrap: async ({ masterKeyId, keySealed }, context) => {
      if (keyIdOf(keySealed) !== masterKeyId) {
        throw new EnvelopeError('The data key names another master key than its row does.');
      }
      const text = open(keySealed, { rowId: context, column: COLUMN }, keyring);
      return Buffer.from(text, 'base64');
    },
    close: () => undefined,
  };
}
