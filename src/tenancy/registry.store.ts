/** The registry's rows as the rest of tenancy sees them. Holds SQL and mapping, no decisions. */
import type { Knex } from 'knex';

export const PLACEMENTS = ['shared', 'dedicated', 'byo'] as const;
export type Placement = (typeof PLACEMENTS)[number];
/** `provisioning` until its registration is finished; then as a person would say it. */
export const TENANT_STATUSES = ['provisioning', 'trial', 'active', 'suspended', 'closed'] as const;
export type TenantStatus = (typeof TENANT_STATUSES)[number];

export interface DataSourceRow {
  readonly id: string;
  readonly name: string;
  readonly placement: Placement;
  readonly status: 'active' | 'draining' | 'retired';
  readonly region: string;
  readonly urlSealed: string;
  readonly migrationUrlSealed: string | null;
  readonly poolMin: number;
  readonly poolMax: number;
  readonly sessionStyle: 'direct' | 'distributed';
  readonly namedStatements: boolean;
  readonly schemaVersion: string | null;
  readonly updatedAt: Date;
}

export interface TenantRow {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly status: TenantStatus;
  readonly plan: string;
  readonly subscriptionStatus: string;
  readonly trialEndsAt: Date | null;
  readonly region: string;
  readonly dataSourceId: string | null;
  readonly tenantIdInDataSource: string;
}

const DATA_SOURCE_COLUMNS = {
  id: 'id',
  name: 'name',
  placement: 'placement',
  status: 'status',
  region: 'region',
  urlSealed: 'url_sealed',
  migrationUrlSealed: 'migration_url_sealed',
  poolMin: 'pool_min',
  poolMax: 'pool_max',
  sessionStyle: 'session_style',
  namedStatements: 'named_statements',
  schemaVersion: 'schema_version',
  updatedAt: 'updated_at',
} as const satisfies Record<keyof DataSourceRow, string>;

const TENANT_COLUMNS = {
  id: 'id',
  slug: 'slug',
  name: 'name',
  status: 'status',
  plan: 'plan',
  subscriptionStatus: 'subscription_status',
  trialEndsAt: 'trial_ends_at',
  region: 'region',
  dataSourceId: 'data_source_id',
  tenantIdInDataSource: 'tenant_id_in_data_source',
} as const satisfies Record<keyof TenantRow, string>;

/** Rows as a caller writes them: what has a default in the database may be left out. */
export type NewDataSource = Pick<DataSourceRow, 'id' | 'name' | 'placement' | 'urlSealed'> &
  Partial<Omit<DataSourceRow, 'updatedAt'>>;
export type NewTenant = Pick<
  TenantRow,
  'id' | 'slug' | 'name' | 'dataSourceId' | 'tenantIdInDataSource'
> &
  Partial<TenantRow>;

export interface TenantSelection {
  /** The slug of the last tenant of the page before. */
  readonly after?: string | undefined;
  readonly limit: number;
  readonly status?: TenantStatus | undefined;
  readonly dataSourceId?: string | undefined;
}

const toColumns = (
  row: object,
  columns: Readonly<Record<string, string>>,
): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(row).flatMap(([field, value]) => {
      const column = columns[field];
      return column === undefined || value === undefined ? [] : [[column, value] as const];
    }),
  );

/** What is sent on the channel `registry_changed`: ids and nothing else. */
export type Announcement =
  `${'tenants' | 'data_sources' | 'pools' | 'data_keys'}:${string}` | 'all';

export function createRegistryStore(db: Knex) {
  const tenants = () => db<TenantRow>('registry.tenants').select(TENANT_COLUMNS);
  const dataSources = () => db<DataSourceRow>('registry.data_sources').select(DATA_SOURCE_COLUMNS);
  return {
    findTenant: (id: string): Promise<TenantRow | undefined> => tenants().where('id', id).first(),
    findTenantBySlug: (slug: string): Promise<TenantRow | undefined> =>
      tenants().where('slug', slug).first(),
    /** A page of them, in the order of their slugs. */
    listTenants: async ({
      after,
      limit,
      status,
      dataSourceId,
    }: TenantSelection): Promise<TenantRow[]> => {
      const selected = tenants().orderBy('slug').limit(limit);
      if (after !== undefined) void selected.where('slug', '>', after);
      if (status !== undefined) void selected.where('status', status);
      if (dataSourceId !== undefined) void selected.where('data_source_id', dataSourceId);
      return selected;
    },
    /** Those that have a data source, in the order of their ids, for rounds that come by all of them. */
    listPlacedTenants: async (after: string | undefined, limit: number): Promise<TenantRow[]> => {
      const placed = tenants().whereNotNull('data_source_id').orderBy('id').limit(limit);
      return after === undefined ? placed : placed.where('id', '>', after);
    },
    findTenants: async (ids: readonly string[]): Promise<TenantRow[]> =>
      tenants().whereIn('id', ids),
    /** One of those that a data source has; by what it is called there if that is given. */
    findTenantIn: async (
      dataSourceId: string,
      { except, tenantIdInDataSource }: { except: string; tenantIdInDataSource?: string },
    ): Promise<TenantRow | undefined> => {
      const there = tenants().where('data_source_id', dataSourceId).whereNot('id', except);
      return tenantIdInDataSource === undefined
        ? there.first()
        : there.where('tenant_id_in_data_source', tenantIdInDataSource).first();
    },
    /** By data source; one that is not there has none. Counted as tenants come and go. */
    countTenants: async (): Promise<Map<string, number>> => {
      const rows = await db('registry.data_source_tenants').select<
        { id: string; tenants: string }[]
      >({ id: 'data_source_id', tenants: 'tenants' });
      return new Map(rows.map(({ id, tenants: count }) => [id, Number(count)]));
    },
    findDataSource: (id: string): Promise<DataSourceRow | undefined> =>
      dataSources().where('id', id).first(),
    findDataSourceByName: (name: string): Promise<DataSourceRow | undefined> =>
      dataSources().where('name', name).first(),
    findDataSources: async (ids: readonly string[]): Promise<DataSourceRow[]> =>
      dataSources().whereIn('id', ids),
    listDataSources: async (): Promise<DataSourceRow[]> => dataSources().orderBy('name'),

    insertDataSource: async (row: NewDataSource): Promise<void> => {
      await db('registry.data_sources').insert(toColumns(row, DATA_SOURCE_COLUMNS));
    },
    updateDataSource: async (id: string, change: Partial<DataSourceRow>): Promise<void> => {
      await db('registry.data_sources')
        .where('id', id)
        .update({ ...toColumns(change, DATA_SOURCE_COLUMNS), updated_at: db.fn.now() });
    },
    insertTenant: async (row: NewTenant): Promise<void> => {
      await db('registry.tenants').insert(toColumns(row, TENANT_COLUMNS));
    },
    updateTenant: async (id: string, change: Partial<TenantRow>): Promise<void> => {
      await db('registry.tenants')
        .where('id', id)
        .update({ ...toColumns(change, TENANT_COLUMNS), updated_at: db.fn.now() });
    },

    findTenantIdsByEmail: async (emailHmac: Buffer): Promise<string[]> =>
      db('registry.email_index')
        .where('email_hmac', emailHmac)
        .orderBy('tenant_id')
        .pluck('tenant_id'),
    addEmail: async (emailHmac: Buffer, tenantId: string): Promise<void> => {
      await db('registry.email_index')
        .insert({ email_hmac: emailHmac, tenant_id: tenantId })
        .onConflict()
        .ignore();
    },
    removeEmail: async (emailHmac: Buffer, tenantId: string): Promise<void> => {
      await db('registry.email_index')
        .where({ email_hmac: emailHmac, tenant_id: tenantId })
        .delete();
    },
    /** Tells every process what to look at again; see `registry-listener.ts` for what it may say. */
    announce: async (what: Announcement): Promise<void> => {
      await db.raw('select pg_notify(?, ?)', ['registry_changed', what]);
    },
    touchTenants: async (ids: readonly string[]): Promise<void> => {
      await db('registry.tenants').whereIn('id', ids).update({ last_accessed_at: db.fn.now() });
    },
  };
}

export type RegistryStore = ReturnType<typeof createRegistryStore>;
