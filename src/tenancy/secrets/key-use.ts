/** Which keys the registry's sealed values need, and whether each value opens. */
import type { DataSourceRow } from '../registry.store';
import { EnvelopeError, open } from './envelope';
import type { Keyring } from './keyring';

export interface KeyUse {
  readonly values: number;
  /** Number of values by id of the key they were sealed with. */
  readonly valuesByKeyId: ReadonlyMap<string, number>;
  /** Keys we hold that nothing needs, the sealing one aside. */
  readonly idleKeyIds: readonly string[];
  readonly faults: readonly {
    readonly dataSource: string;
    readonly column: string;
    readonly detail: string;
  }[];
}

export function findKeyUse(dataSources: readonly DataSourceRow[], keyring: Keyring): KeyUse {
  const valuesByKeyId = new Map<string, number>();
  const faults: KeyUse['faults'][number][] = [];
  const sealed = dataSources.flatMap(({ id, name, urlSealed, migrationUrlSealed }) => [
    { id, name, column: 'url_sealed', value: urlSealed },
    ...(migrationUrlSealed === null
      ? []
      : [{ id, name, column: 'migration_url_sealed', value: migrationUrlSealed }]),
  ]);
  for (const { id, name, column, value } of sealed) {
    const keyId = value.split('.')[1] ?? '';
    valuesByKeyId.set(keyId, (valuesByKeyId.get(keyId) ?? 0) + 1);
    try {
      open(value, { rowId: id, column }, keyring);
    } catch (error) {
      const detail = error instanceof EnvelopeError ? error.message : 'The value does not open.';
      faults.push({ dataSource: name, column, detail });
    }
  }
  const idleKeyIds = keyring.keyIds.filter(
    (keyId) => keyId !== keyring.activeKeyId && !valuesByKeyId.has(keyId),
  );
  return { values: sealed.length, valuesByKeyId, idleKeyIds, faults };
}
