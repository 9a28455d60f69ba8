/**
 * Where sealed values stand, so that a rotation finds them: every column named `*_sealed`, of rows
 * with an `id`, sealed at the place { rowId: id, column } unless it says otherwise. A test compares the list with the schemas.
 */
import type { KeyOwner } from './data-keys.store';

export interface SealedColumn {
  readonly table: string;
  readonly column: string;
  readonly ownerKind: KeyOwner['kind'];
  /** The column that holds the owner's id. */
  readonly ownerColumn: 'id' | 'tenant_id' | 'data_source_id';
  /** The column that the place's `rowId` is, where it is not `id`. */
  readonly placeColumn?: 'id' | 'tenant_id';
  /** The column that says to people which row is meant. */
  readonly label: 'id' | 'name';
}

/** In the schema `registry`. */
export const REGISTRY_SEALED_COLUMNS: readonly SealedColumn[] = [
  {
    table: 'data_sources',
    column: 'url_sealed',
    ownerKind: 'data_source',
    ownerColumn: 'id',
    label: 'name',
  },
  {
    table: 'data_sources',
    column: 'migration_url_sealed',
    ownerKind: 'data_source',
    ownerColumn: 'id',
    label: 'name',
  },
  {
    table: 'database_servers',
    column: 'admin_url_sealed',
    ownerKind: 'database_server',
    ownerColumn: 'id',
    label: 'name',
  },
  {
    table: 'replicas',
    column: 'url_sealed',
    ownerKind: 'data_source',
    ownerColumn: 'data_source_id',
    label: 'name',
  },
  {
    // Of a registration under way, which has a tenant's id before there is a tenant.
    table: 'provisionings',
    column: 'inputs_sealed',
    ownerKind: 'tenant',
    ownerColumn: 'tenant_id',
    placeColumn: 'tenant_id',
    label: 'id',
  },
  {
    table: 'phone_numbers',
    column: 'secret_sealed',
    ownerKind: 'tenant',
    ownerColumn: 'tenant_id',
    label: 'id',
  },
];

/** In the schema `cloister` of each tenant's data source, sealed for the tenant. */
export const TENANT_SEALED_COLUMNS: readonly Pick<SealedColumn, 'table' | 'column'>[] = [
  { table: 'user_totp', column: 'secret_sealed' },
];
