/** Read replicas as the registry has them: SQL and mapping, no decisions. */
import type { Knex } from 'knex';
import type { SecretBox } from '../secrets/secret-box';

export interface ReplicaRow {
  readonly id: string;
  readonly dataSourceId: string;
  readonly name: string;
  readonly region: string;
  readonly status: 'active' | 'disabled';
  readonly urlSealed: string;
  readonly poolMax: number;
}

const COLUMNS = {
  id: 'id',
  dataSourceId: 'data_source_id',
  name: 'name',
  region: 'region',
  status: 'status',
  urlSealed: 'url_sealed',
  poolMax: 'pool_max',
} as const satisfies Record<keyof ReplicaRow, string>;

export function createReplicaStore(db: Knex) {
  const rows = () => db<ReplicaRow>('registry.replicas').select(COLUMNS).orderBy('name');
  return {
    list: async (): Promise<ReplicaRow[]> => rows(),
    listOf: async (dataSourceId: string): Promise<ReplicaRow[]> =>
      rows().where('data_source_id', dataSourceId).andWhere('status', 'active'),
    findByName: (name: string): Promise<ReplicaRow | undefined> =>
      rows().where('name', name).first(),
    insert: async (row: ReplicaRow): Promise<void> => {
      const columns = Object.entries(COLUMNS) as [keyof ReplicaRow, string][];
      await db('registry.replicas').insert(
        Object.fromEntries(columns.map(([field, column]) => [column, row[field]])),
      );
    },
    setStatus: async (id: string, status: ReplicaRow['status']): Promise<void> => {
      await db('registry.replicas').where('id', id).update({ status, updated_at: db.fn.now() });
    },
    remove: async (id: string): Promise<void> => {
      await db('registry.replicas').where('id', id).delete();
    },
  };
}

export type ReplicaStore = ReturnType<typeof createReplicaStore>;

/** A replica is its data source's: its URL is sealed with that one's key. */
export const sealReplicaUrl = (
  box: Pick<SecretBox, 'seal'>,
  { id, dataSourceId }: Pick<ReplicaRow, 'id' | 'dataSourceId'>,
  url: string,
): Promise<string> =>
  box.seal({ kind: 'data_source', id: dataSourceId }, { rowId: id, column: 'url_sealed' }, url);

/** @throws as `SecretBox.open`. */
export const openReplicaUrl = (
  box: Pick<SecretBox, 'open'>,
  { id, dataSourceId, urlSealed }: Pick<ReplicaRow, 'id' | 'dataSourceId' | 'urlSealed'>,
): Promise<string> =>
  box.open(
    { kind: 'data_source', id: dataSourceId },
    { rowId: id, column: 'url_sealed' },
    urlSealed,
  );
