/**
 * Which master keys the registry needs, and whether everything opens. A value needs the master key
 * that sealed its data key; one from before there were data keys needs a key of REGISTRY_KEYS itself.
 */
import type { Knex } from 'knex';
import { isAppError } from '../../errors';
import { settleAll } from '../../lib/settle-all';
import type { Tenancy } from '../tenancy';
import type { MasterKeyName } from './data-keys.store';
import { EnvelopeError } from './envelope';
import { KeyProviderError, type KeyProvider } from './key-provider';
import { REGISTRY_SEALED_COLUMNS, type SealedColumn } from './sealed-columns';
import { sealedWith } from './sealed-with';
import { listValues } from './sealed-values.store';

export interface MasterKeyUse extends MasterKeyName {
  readonly dataKeys: number;
  /** Sealed by it directly. */
  readonly values: number;
  /** Configured here, so that what it sealed opens. */
  readonly held: boolean;
  readonly seals: boolean;
}

export interface KeyUse {
  readonly active: MasterKeyName;
  /** Every key that is needed or configured; the sealing one first. */
  readonly masterKeys: readonly MasterKeyUse[];
  /** A change of all data keys was begun and not finished. */
  readonly renewing: boolean;
}

export interface SealFault {
  readonly what: string;
  readonly detail: string;
}

type Parts = Pick<Tenancy, 'registryDb' | 'keys' | 'secretBox'>;

const AT_ONCE = 16;
const BATCH = 500;

/** Counts, and opens nothing. @throws KeyProviderError when Vault does not say what seals now. */
export async function findKeyUse({ registryDb, keys }: Parts): Promise<KeyUse> {
  const { masterKeys, dataKeyStore } = keys;
  const active: MasterKeyName = {
    provider: masterKeys.active.name,
    masterKeyId: await masterKeys.active.findActiveKeyId(),
  };
  const uses = new Map<string, MasterKeyUse>();
  const add = (name: MasterKeyName, more: { dataKeys?: number; values?: number }): void => {
    const key = `${name.provider} ${name.masterKeyId}`;
    const { dataKeys = 0, values = 0 } = uses.get(key) ?? {};
    uses.set(key, {
      ...name,
      dataKeys: dataKeys + (more.dataKeys ?? 0),
      values: values + (more.values ?? 0),
      held: masterKeys.holds(name),
      seals: name.provider === active.provider && name.masterKeyId === active.masterKeyId,
    });
  };
  add(active, {});
  for (const { dataKeys, ...name } of await dataKeyStore.countByMasterKey())
    add(name, { dataKeys });
  for (const [masterKeyId, values] of await countDirect(registryDb)) {
    add({ provider: 'local', masterKeyId }, { values });
  }
  const inUse = [...uses.values()];
  for (const provider of masterKeys.providers) {
    for (const keyId of provider.keyIds.filter((id) => isIdle(provider, id, inUse))) {
      add({ provider: provider.name, masterKeyId: keyId }, {});
    }
  }
  return { active, masterKeys: [...uses.values()], renewing: await dataKeyStore.isRenewing() };
}

/** A key of Vault stands for all its versions. */
const isIdle = (provider: KeyProvider, keyId: string, inUse: readonly MasterKeyUse[]): boolean =>
  !inUse.some(
    (use) =>
      use.provider === provider.name &&
      (use.masterKeyId === keyId ||
        (provider.name === 'vault' && use.masterKeyId.startsWith(`${keyId}:v`))),
  );

const KEY_ID_OF = (column: string): string => `split_part(${column}, '.', 2)`;
const DATA_KEY = '^datakey_[0-9a-z]{26}$';

async function countDirect(db: Knex): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const { table, column } of REGISTRY_SEALED_COLUMNS) {
    const { rows } = await db.raw<{ rows: { keyId: string; values: string }[] }>(
      `select ${KEY_ID_OF(column)} as "keyId", count(*) as values from registry.${table}
       where ${column} is not null and ${KEY_ID_OF(column)} !~ ? group by 1 order by 1`,
      [DATA_KEY],
    );
    for (const { keyId, values } of rows) {
      counts.set(keyId, (counts.get(keyId) ?? 0) + Number(values));
    }
  }
  return counts;
}

/** The master keys that envelopes need in the end; undefined where the data key is gone. */
export async function findMasterKeyIds(
  { dataKeyStore }: Pick<Tenancy['keys'], 'dataKeyStore'>,
  envelopes: readonly string[],
): Promise<(string | undefined)[]> {
  const named = envelopes.map(sealedWith);
  const rows = await dataKeyStore.findMany(named.flatMap(({ dataKeyId }) => dataKeyId ?? []));
  const byId = new Map(rows.map(({ id, masterKeyId }) => [id, masterKeyId]));
  return named.map(({ dataKeyId, masterKeyId }) => masterKeyId ?? byId.get(dataKeyId));
}

/** Names of what needs a master key, at most `limit` of them. */
export async function listNeeding(
  { registryDb }: Pick<Tenancy, 'registryDb'>,
  { provider, masterKeyId }: MasterKeyName,
  limit: number,
): Promise<string[]> {
  const { rows } = await registryDb.raw<{ rows: { what: string }[] }>(
    `select distinct replace(k.owner_kind, '_', ' ') || ' ' || coalesce(d.name, t.slug, s.name, k.owner_id::text) as what
     from registry.data_keys k
     left join registry.data_sources d on k.owner_kind = 'data_source' and d.id = k.owner_id
     left join registry.tenants t on k.owner_kind = 'tenant' and t.id = k.owner_id
     left join registry.database_servers s on k.owner_kind = 'database_server' and s.id = k.owner_id
     where k.provider = ? and k.master_key_id = ? and k.status <> 'destroyed'
     order by 1 limit ?`,
    [provider, masterKeyId, limit],
  );
  const names = rows.map(({ what }) => `the data key of ${what}`);
  if (provider !== 'local') return names;
  for (const { table, column, label } of REGISTRY_SEALED_COLUMNS) {
    if (names.length >= limit) break;
    const direct = await registryDb.raw<{ rows: { what: string }[] }>(
      `select ${label}::text || '.${column}' as what from registry.${table}
       where ${KEY_ID_OF(column)} = ? order by 1 limit ?`,
      [masterKeyId, limit - names.length],
    );
    names.push(...direct.rows.map(({ what }) => what));
  }
  return names;
}

export interface OpenedAll {
  readonly values: number;
  readonly dataKeys: number;
  readonly faults: readonly SealFault[];
}

/** Opens every data key and every sealed value of the registry. */
export async function openAll(tenancy: Parts): Promise<OpenedAll> {
  const faults: SealFault[] = [];
  let values = 0;
  for (const column of REGISTRY_SEALED_COLUMNS) {
    values += await openColumn(tenancy, column, faults);
  }
  const rows = await tenancy.keys.dataKeyStore.list();
  await settleAll(rows, AT_ONCE, async (row) => {
    try {
      await tenancy.keys.masterKeys.unwrap(row, row.id);
    } catch (error) {
      const what = `data key of ${row.ownerKind} ${row.ownerId}`;
      faults.push({ what, detail: describeSealFault(error) });
    }
  });
  return { values, dataKeys: rows.length, faults };
}

async function openColumn(
  { registryDb, secretBox }: Parts,
  column: SealedColumn,
  faults: SealFault[],
): Promise<number> {
  let count = 0;
  for (let afterId: string | undefined; ;) {
    const { values } = await listValues(registryDb, column, afterId, BATCH);
    if (values.length === 0) return count;
    afterId = values.at(-1)?.id;
    count += values.length;
    await settleAll(values, AT_ONCE, async ({ rowId, ownerId, label, sealed }) => {
      const owner = { kind: column.ownerKind, id: ownerId };
      try {
        await secretBox.open(owner, { rowId, column: column.column }, sealed);
      } catch (error) {
        faults.push({ what: `${label}.${column.column}`, detail: describeSealFault(error) });
      }
    });
  }
}

/** In words that hold no secret: our own errors say none. */
export function describeSealFault(error: unknown): string {
  const { cause } = error as Partial<Error>;
  for (const known of [error, cause]) {
    if (known instanceof EnvelopeError || known instanceof KeyProviderError) return known.message;
  }
  return isAppError(error) ? error.message : 'The value does not open.';
}
