/** The registry's data keys: SQL and mapping, no decisions. */
import type { Knex } from 'knex';
import type { KeyProviderName, WrappedKey } from './key-provider';

/** Whom a data key belongs to: what is sealed for one owner never opens for another. */
export interface KeyOwner {
  readonly kind: 'data_source' | 'tenant' | 'database_server';
  readonly id: string;
}

export interface DataKeyRow extends WrappedKey {
  readonly id: string;
  readonly ownerKind: KeyOwner['kind'];
  readonly ownerId: string;
  readonly status: 'active' | 'retired';
  readonly provider: KeyProviderName;
}

const COLUMNS = {
  id: 'id',
  ownerKind: 'owner_kind',
  ownerId: 'owner_id',
  status: 'status',
  provider: 'provider',
  masterKeyId: 'master_key_id',
  keySealed: 'key_sealed',
} as const satisfies Record<keyof DataKeyRow, string>;

export interface MasterKeyName {
  readonly provider: KeyProviderName;
  readonly masterKeyId: string;
}

export interface MasterKeyCount extends MasterKeyName {
  readonly dataKeys: number;
}

export interface Rewrapped {
  readonly id: string;
  /** What it replaces: a key that somebody else has sealed anew meanwhile is left alone. */
  readonly before: string;
  readonly provider: KeyProviderName;
  readonly after: WrappedKey;
}

const toColumns = (row: DataKeyRow): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(COLUMNS).map(([field, column]) => [column, row[field as keyof DataKeyRow]]),
  );

async function count(query: Knex.QueryBuilder): Promise<number> {
  const rows: unknown = await query.count({ count: '*' });
  return Number((rows as readonly { readonly count: string }[])[0]?.count);
}

export function createDataKeyStore(db: Knex) {
  const live = () =>
    db<DataKeyRow>('registry.data_keys').select(COLUMNS).whereNot('status', 'destroyed');
  const ownedBy = ({ kind, id }: KeyOwner) => ({ owner_kind: kind, owner_id: id });
  const destroyed = {
    status: 'destroyed',
    key_sealed: null,
    destroyed_at: db.fn.now(),
    updated_at: db.fn.now(),
  };
  return {
    findMany: async (ids: readonly string[]): Promise<DataKeyRow[]> => live().whereIn('id', ids),
    findActiveOf: async (kind: KeyOwner['kind'], ids: readonly string[]): Promise<DataKeyRow[]> =>
      live().where('owner_kind', kind).where('status', 'active').whereIn('owner_id', ids),
    find: (id: string): Promise<DataKeyRow | undefined> => live().where('id', id).first(),
    findActive: (owner: KeyOwner): Promise<DataKeyRow | undefined> =>
      live().where(ownedBy(owner)).where('status', 'active').first(),
    list: async (): Promise<DataKeyRow[]> => live().orderBy('id'),
    /** Leaves out the keys of owners that have an active one already. */
    insert: async (rows: readonly DataKeyRow[]): Promise<void> => {
      await db('registry.data_keys').insert(rows.map(toColumns)).onConflict().ignore();
    },
    /** @returns how many keys there were. */
    destroyOf: async (owner: KeyOwner): Promise<number> =>
      db('registry.data_keys')
        .where(ownedBy(owner))
        .whereNot('status', 'destroyed')
        .update(destroyed),
    destroy: async (ids: readonly string[]): Promise<number> =>
      db('registry.data_keys').whereIn('id', ids).where('status', 'retired').update(destroyed),
    listActiveBefore: async (before: Date, limit: number): Promise<DataKeyRow[]> =>
      live().where('status', 'active').where('created_at', '<', before).orderBy('id').limit(limit),
    countActiveBefore: (before: Date): Promise<number> =>
      count(db('registry.data_keys').where('status', 'active').where('created_at', '<', before)),
    /** Puts new keys in the place of their owners' active ones, which only open from then on. */
    renew: (rows: readonly DataKeyRow[], replacedIds: readonly string[]): Promise<void> =>
      db.transaction(async (trx) => {
        await trx('registry.data_keys')
          .whereIn('id', replacedIds)
          .where('status', 'active')
          .update({ status: 'retired', retired_at: trx.fn.now(), updated_at: trx.fn.now() });
        await trx('registry.data_keys').insert(rows.map(toColumns)).onConflict().ignore();
      }),
    /** Tenants that have keys which only open. */
    listTenantsWithRetired: async (): Promise<string[]> =>
      db('registry.data_keys')
        .where({ owner_kind: 'tenant', status: 'retired' })
        .distinct('owner_id')
        .orderBy('owner_id')
        .pluck('owner_id'),
    listRetiredBefore: async (before: Date): Promise<DataKeyRow[]> =>
      live().where('status', 'retired').where('retired_at', '<', before).orderBy('id'),
    /** When the renewal that is under way began; begins one if there is none. */
    beginRenewal: async (id: string): Promise<Date> => {
      await db('registry.data_key_renewals').insert({ id }).onConflict().ignore();
      const open = await db('registry.data_key_renewals')
        .whereNull('finished_at')
        .first<{ started_at: Date } | undefined>('started_at');
      if (open === undefined) throw new Error('Expected a renewal of data keys to be under way.');
      return open.started_at;
    },
    isRenewing: async (): Promise<boolean> =>
      (await count(db('registry.data_key_renewals').whereNull('finished_at'))) > 0,
    endRenewal: async (): Promise<void> => {
      await db('registry.data_key_renewals')
        .whereNull('finished_at')
        .update({ finished_at: db.fn.now() });
    },
    countByMasterKey: async (): Promise<MasterKeyCount[]> => {
      const rows = await db('registry.data_keys')
        .select({ provider: 'provider', masterKeyId: 'master_key_id' })
        .whereNot('status', 'destroyed')
        .count({ dataKeys: '*' })
        .groupBy('provider', 'master_key_id')
        .orderBy(['provider', 'master_key_id']);
      return rows.map((row) => ({ ...row, dataKeys: Number(row.dataKeys) })) as MasterKeyCount[];
    },
    countForeign: ({ provider, masterKeyId }: MasterKeyName): Promise<number> =>
      count(
        db('registry.data_keys')
          .whereNot('status', 'destroyed')
          .whereRaw('(provider, master_key_id) <> (?, ?)', [provider, masterKeyId]),
      ),
    /** Those that another master key sealed, in the order of their ids. */
    listForeign: async (
      { provider, masterKeyId }: MasterKeyName,
      afterId: string | undefined,
      limit: number,
    ): Promise<DataKeyRow[]> => {
      const query = live()
        .whereRaw('(provider, master_key_id) <> (?, ?)', [provider, masterKeyId])
        .orderBy('id')
        .limit(limit);
      return afterId === undefined ? query : query.where('id', '>', afterId);
    },
    /** @returns how many were replaced. */
    rewrap: async (changes: readonly Rewrapped[]): Promise<number> => {
      const column = (pick: (change: Rewrapped) => string) => changes.map(pick);
      const { rowCount } = await db.raw<{ rowCount: number }>(
        `update registry.data_keys k
           set provider = c.provider, master_key_id = c.master_key_id, key_sealed = c.after, updated_at = now()
         from unnest(?::uuid[], ?::text[], ?::text[], ?::text[], ?::text[])
           as c (id, before, provider, master_key_id, after)
         where k.id = c.id and k.key_sealed = c.before`,
        [
          column(({ id }) => id),
          column(({ before }) => before),
          column(({ provider }) => provider),
          column(({ after }) => after.masterKeyId),
          column(({ after }) => after.keySealed),
        ],
      );
      return rowCount;
    },
  };
}

export type DataKeyStore = ReturnType<typeof createDataKeyStore>;
