import {
  bigInteger,
  boolean,
  createdAt,
  dateTime,
  fieldsOf,
  integer,
  oneOf,
  text,
  updatedAt,
} from './fields';
import type { PlatformRecord } from './platform-record';

export const PLACEMENT = oneOf(
  'Placement',
  {
    shared: 'One database, many tenants.',
    dedicated: 'A database for one tenant.',
    byo: 'A database that the customer brings.',
  },
  'Whose it is.',
);

const STATUS = oneOf(
  'DataSourceStatus',
  {
    active: 'In use, and open to new tenants.',
    draining: 'In use, and takes no new tenants.',
    retired: 'Out of use.',
  },
  'Whether it takes tenants.',
);

/** Envelopes name the key that sealed them; see docs/keys.md. */
const SEALED_WITH = `split_part(r.url_sealed, '.', 2)`;
/** What was sealed before there were data keys is sealed with a master key itself. */
const MASTER_KEY = `coalesce((select k.master_key_id from registry.data_keys k
  where k.owner_kind = 'data_source' and k.owner_id = r.id and k.status = 'active'), ${SEALED_WITH})`;

export const dataSourceRecord: PlatformRecord = {
  name: 'DataSource',
  singular: 'dataSource',
  plural: 'dataSources',
  one: 'data source',
  many: 'data sources',
  description: 'A database that holds tenants’ data. How to connect to it is never shown.',
  table: 'registry.data_sources',
  idPrefix: 'source',
  idType: 'uuid',
  defaultOrder: { field: 'name', direction: 'asc' },
  fields: fieldsOf({
    name: text('What it is called.', { order: true }),
    placement: PLACEMENT,
    status: STATUS,
    region: text('Where it is.'),
    poolMin: integer('Connections that each server process keeps open.'),
    poolMax: integer('Connections that each server process may open.'),
    sessionStyle: text('How a session states its tenant: `direct` or `distributed`.'),
    namedStatements: boolean('Whether statements are prepared under a name.'),
    schemaVersion: text('The last migration that was run there.', { nullable: true }),
    keyId: text('Id of the key that its credentials are sealed with.', { sql: SEALED_WITH }),
    masterKeyId: text('Id of the master key that this one is sealed with.', { sql: MASTER_KEY }),
    migratesItself: boolean(
      'Whether its owner runs the migrations, because we have no URL for it.',
      {
        sql: 'r.migration_url_sealed is null',
      },
    ),
    canary: boolean('Whether migrations are tried here first.'),
    maxTenants: integer('Tenants at most.', { nullable: true }),
    tenantCount: bigInteger('Tenants there are.', {
      sql: '(select count(*) from registry.tenants t where t.data_source_id = r.id)',
    }),
    notes: text('What operators noted.', { filter: false }),
    createdAt,
    updatedAt,
  }),
  references: {
    server: {
      record: 'DatabaseServer',
      sql: 'r.server_id',
      description: 'The server it was made on.',
    },
  },
};

export const databaseServerRecord: PlatformRecord = {
  name: 'DatabaseServer',
  singular: 'databaseServer',
  plural: 'databaseServers',
  one: 'database server',
  many: 'database servers',
  description: 'A server on which databases are made for tenants.',
  table: 'registry.database_servers',
  idPrefix: 'server',
  idType: 'uuid',
  defaultOrder: { field: 'name', direction: 'asc' },
  fields: fieldsOf({
    name: text('What it is called.', { order: true }),
    status: STATUS,
    region: text('Where it is.'),
    maxDatabases: integer('Databases at most.', { nullable: true }),
    poolMax: integer('What the data sources made here begin with.'),
    notes: text('What operators noted.', { filter: false }),
    createdAt,
    updatedAt,
  }),
};

export const replicaRecord: PlatformRecord = {
  name: 'Replica',
  singular: 'replica',
  plural: 'replicas',
  one: 'replica',
  many: 'replicas',
  description: 'A copy of a data source that reads may go to.',
  table: 'registry.replicas',
  idPrefix: 'replica',
  idType: 'uuid',
  defaultOrder: { field: 'name', direction: 'asc' },
  fields: fieldsOf({
    name: text('What it is called.', { order: true }),
    region: text('Where it is.'),
    status: oneOf(
      'ReplicaStatus',
      { active: 'Reads may go there.', disabled: 'No read goes there.' },
      'Whether it is used.',
    ),
    poolMax: integer('Connections that each server process may open.'),
    notes: text('What operators noted.', { filter: false }),
    createdAt,
    updatedAt,
  }),
  references: {
    dataSource: {
      record: 'DataSource',
      sql: 'r.data_source_id',
      description: 'What it is a copy of.',
    },
  },
};

export const fleetRunRecord: PlatformRecord = {
  name: 'FleetRun',
  singular: 'fleetRun',
  plural: 'fleetRuns',
  one: 'run of the migrations',
  many: 'runs of the migrations',
  description: 'A run of the migrations over all data sources.',
  table: 'registry.fleet_runs',
  idPrefix: 'run',
  idType: 'uuid',
  defaultOrder: { field: 'startedAt', direction: 'desc' },
  fields: fieldsOf({
    target: text('The migration that every data source was to reach.'),
    startedBy: text('Who ran it, and where.'),
    state: oneOf(
      'FleetRunState',
      {
        running: 'Under way.',
        finished: 'Every data source was looked at.',
        stopped: 'Too much went wrong.',
        interrupted: 'Whoever ran it went away.',
      },
      'How it stands.',
    ),
    stoppedBecause: text('Why it was stopped.', { nullable: true, filter: false }),
    dataSourceCount: integer('Data sources it was to look at.', { sql: 'r.data_sources' }),
    startedAt: dateTime('When it began.', { order: true }),
    finishedAt: dateTime('When it ended.', { nullable: true }),
  }),
};
