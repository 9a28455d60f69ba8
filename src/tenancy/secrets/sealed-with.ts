/**
 * What the key id of an envelope names. A data key is `datakey_…`, longer than a key id of
 * REGISTRY_KEYS can be, so that the two are never mixed up.
 */
import { parseTypeId, toTypeId } from '../../lib/type-id';
import { keyIdOf } from './envelope';

const PREFIX = 'datakey';

export type SealedWith =
  | { readonly dataKeyId: string; readonly masterKeyId?: never }
  /** Sealed directly with a key of REGISTRY_KEYS, as before there were data keys. */
  | { readonly masterKeyId: string; readonly dataKeyId?: never };

/** @throws EnvelopeError when it is no envelope. */
export function sealedWith(envelope: string): SealedWith {
  const keyId = keyIdOf(envelope);
  const dataKeyId = parseTypeId(PREFIX, keyId);
  return dataKeyId === undefined ? { masterKeyId: keyId } : { dataKeyId };
}

/** A data key as envelopes name it. */
export const dataKeyName = (dataKeyId: string): string => toTypeId(PREFIX, dataKeyId);
