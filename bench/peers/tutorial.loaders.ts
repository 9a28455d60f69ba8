/** Loaders of one request, as DataLoader's documentation teaches. */
import DataLoader from 'dataloader';
import type { Knex } from 'knex';

export interface Row {
  readonly id: string;
  readonly account_id: string;
  readonly [column: string]: unknown;
}

export interface Loaders {
  readonly contactById: DataLoader<string, Row | null>;
  readonly contactsByAccount: DataLoader<string, Row[]>;
  readonly opportunitiesByAccount: DataLoader<string, Row[]>;
  readonly eventsByAccount: DataLoader<string, Row[]>;
}

export function createLoaders(db: Knex, tenantId: string): Loaders {
  const live = (table: string) =>
    db<Row>(`cloister.${table}`).where({ tenant_id: tenantId }).whereNull('deleted_at');
  const childrenOf = (table: string) =>
    new DataLoader<string, Row[]>(async (accountIds) => {
      const rows: Row[] = await live(table).whereIn('account_id', accountIds).orderBy('id', 'desc');
      return accountIds.map((id) => rows.filter((row) => row.account_id === id));
    });
  return {
    contactById: new DataLoader<string, Row | null>(async (ids) => {
      const rows: Row[] = await live('contacts').whereIn('id', ids);
      return ids.map((id) => rows.find((row) => row.id === id) ?? null);
    }),
    contactsByAccount: childrenOf('contacts'),
    opportunitiesByAccount: childrenOf('opportunities'),
    eventsByAccount: childrenOf('events'),
  };
}
