/**
 * Brings sealed values under their owners' active data keys: those that a key of REGISTRY_KEYS sealed
 * directly, and those of data keys that only open. A value that somebody has changed meanwhile is
 * left alone: whoever did so sealed it with the active key.
 */
import type { DataKeys } from './data-keys';
import type { KeyOwner } from './data-keys.store';
import { EnvelopeError, open, openWithKey, sealWithKey } from './envelope';
import type { Keyring } from './keyring';
import { dataKeyName, sealedWith } from './sealed-with';

export interface SealedValue {
  readonly id: string;
  /** Of the place it is sealed at: mostly the row's own id. */
  readonly rowId: string;
  readonly ownerId: string;
  readonly sealed: string;
}

export interface ResealedValue {
  readonly id: string;
  readonly before: string;
  readonly after: string;
}

export interface ResealFault {
  readonly id: string;
  readonly detail: string;
}

export interface ResealResult {
  readonly resealed: readonly ResealedValue[];
  readonly faults: readonly ResealFault[];
}

/** @throws TENANT_UNAVAILABLE when the registry or the key service cannot be asked. */
export async function resealValues(
  keys: { readonly dataKeys: DataKeys; readonly keyring: Keyring | undefined },
  ownerKind: KeyOwner['kind'],
  column: string,
  values: readonly SealedValue[],
): Promise<ResealResult> {
  const { dataKeys, keyring } = keys;
  const owners = [...new Set(values.map(({ ownerId }) => ownerId))];
  const active = await dataKeys.getActiveMany(ownerKind, owners);
  const due = values.filter(({ ownerId, sealed }) => {
    const key = active.get(ownerId);
    return key === undefined || !sealed.startsWith(`v1.${dataKeyName(key.id)}.`);
  });
  const oldIds = due.flatMap(({ sealed }) => dataKeyIdOf(sealed) ?? []);
  const old = await dataKeys.openMany([...new Set(oldIds)]);

  const reseal = ({ id, rowId, ownerId, sealed }: SealedValue): ResealedValue => {
    const place = { rowId, column };
    const to = active.get(ownerId);
    if (to === undefined) throw new EnvelopeError('The data key of its owner does not open.');
    const { dataKeyId } = sealedWith(sealed);
    const from = dataKeyId === undefined ? undefined : old.get(dataKeyId);
    if (from !== undefined && (from.owner.kind !== ownerKind || from.owner.id !== ownerId)) {
      throw new EnvelopeError('The value was sealed for another owner.');
    }
    const text =
      from === undefined
        ? openDirectly(sealed, place, dataKeyId === undefined ? keyring : undefined)
        : openWithKey(sealed, place, from.key);
    return {
      id,
      before: sealed,
      after: sealWithKey(text, place, { id: dataKeyName(to.id), key: to.key }),
    };
  };

  const resealed: ResealedValue[] = [];
  const faults: ResealFault[] = [];
  for (const value of due) {
    try {
      resealed.push(reseal(value));
    } catch (error) {
      if (!(error instanceof EnvelopeError)) throw error;
      faults.push({ id: value.id, detail: error.message });
    }
  }
  return { resealed, faults };
}

function openDirectly(
  sealed: string,
  place: { readonly rowId: string; readonly column: string },
  keyring: Keyring | undefined,
): string {
  if (keyring !== undefined) return open(sealed, place, keyring);
  throw new EnvelopeError('The key that the value was sealed with is gone or does not open.');
}

function dataKeyIdOf(sealed: string): string | undefined {
  try {
    return sealedWith(sealed).dataKeyId;
  } catch {
    return undefined; // what is wrong with it is told when it is opened
  }
}
