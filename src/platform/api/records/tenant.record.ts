import {
  bigInteger,
  createdAt,
  dateTime,
  fieldsOf,
  json,
  oneOf,
  text,
  textList,
  integer,
  boolean,
  updatedAt,
} from './fields';
import { PLACEMENT } from './data-source.record';
import type { PlatformRecord } from './platform-record';

const usage = (column: string): string =>
  `(select u.${column} from registry.tenant_usage u where u.tenant_id = r.id)`;

export const tenantRecord: PlatformRecord = {
  name: 'Tenant',
  singular: 'tenant',
  plural: 'tenants',
  one: 'tenant',
  many: 'tenants',
  description: 'An organisation that works with cloister, as the registry knows it.',
  table: 'registry.tenants',
  idPrefix: 'tenant',
  idType: 'uuid',
  defaultOrder: { field: 'slug', direction: 'asc' },
  fields: fieldsOf({
    slug: text('The short name it is addressed by.', { order: true }),
    name: text('What people call it.', { order: true }),
    status: oneOf(
      'TenantStatus',
      {
        provisioning: 'Its registration is not finished.',
        trial: 'In service until its trial ends.',
        active: 'In service.',
        suspended: 'Its people are refused; nothing is lost.',
        closed: 'Out of service, on its way out.',
      },
      'Where it stands in its life.',
    ),
    statusReason: text('What whoever changed the status gave as the reason.'),
    statusChangedAt: dateTime('When the status last changed.', { order: true }),
    plan: text('Name of its plan.'),
    trialEndsAt: dateTime('When the trial ends.', { nullable: true }),
    closedAt: dateTime('When it was closed.', { nullable: true }),
    limitOverrides: json('Limits of its own, in the place of its plan’s.'),
    region: text('Where it wants to be.'),
    tenantIdInDataSource: text('What it is called in its data source.', {
      sql: 'r.tenant_id_in_data_source::text',
    }),
    notes: text('What operators noted.', { filter: false }),
    lastAccessedAt: dateTime('When it was last used, to within minutes.', { nullable: true }),
    users: bigInteger('Users, when last measured.', { nullable: true, sql: usage('users') }),
    records: bigInteger('Records, when last measured.', { nullable: true, sql: usage('records') }),
    storageBytes: bigInteger('Bytes it takes, when last measured.', {
      nullable: true,
      sql: usage('storage_bytes'),
    }),
    createdAt,
    updatedAt,
  }),
  references: {
    dataSource: {
      record: 'DataSource',
      sql: 'r.data_source_id',
      description: 'Where its data is.',
    },
  },
};

export const planRecord: PlatformRecord = {
  name: 'Plan',
  singular: 'plan',
  plural: 'plans',
  one: 'plan',
  many: 'plans',
  description: 'What a tenant may use. A limit that is null is none.',
  table: 'registry.plans',
  idPrefix: 'plan',
  idType: 'uuid',
  defaultOrder: { field: 'name', direction: 'asc' },
  fields: fieldsOf({
    name: text('What tenants name it by.', { order: true }),
    placements: textList('Where its tenants may be.'),
    selfService: boolean('Whether whoever registers may take it.'),
    trialDays: integer('Days of trial; null without one.', { nullable: true }),
    maxUsers: integer('Users at most.', { nullable: true }),
    maxRecords: bigInteger('Records at most.', { nullable: true }),
    maxStorageBytes: bigInteger('Bytes at most.', { nullable: true }),
    requestsPerMinute: integer('Requests a minute at most.', { nullable: true }),
    requestsPerDay: bigInteger('Requests a day at most.', { nullable: true }),
    createdAt,
    updatedAt,
  }),
};

export const provisioningRecord: PlatformRecord = {
  name: 'Provisioning',
  singular: 'provisioning',
  plural: 'provisionings',
  one: 'registration',
  many: 'registrations',
  description: 'A registration: how far the making of a tenant has come.',
  table: 'registry.provisionings',
  idPrefix: 'provisioning',
  idType: 'uuid',
  defaultOrder: { field: 'createdAt', direction: 'desc' },
  fields: fieldsOf({
    slug: text('The short name that was asked for.'),
    placement: PLACEMENT,
    step: oneOf(
      'ProvisioningStep',
      {
        place: 'A data source is chosen.',
        database: 'A database and its roles are made.',
        schema: 'The schema is applied.',
        tenant: 'The tenant is made known in the data source.',
        admin: 'The first admin is made.',
        activate: 'The tenant goes into service.',
        remove: 'What was made is taken back.',
      },
      'The step that comes next, or came last.',
    ),
    status: oneOf(
      'ProvisioningStatus',
      {
        running: 'Under way, or waiting to be tried again.',
        done: 'The tenant is in service.',
        removed: 'It failed, and what was made is gone.',
      },
      'How it stands.',
    ),
    attempts: integer('How often it was tried.'),
    databaseName: text('The database made for it.', { nullable: true }),
    lastError: text('Why the last try failed.', { nullable: true, filter: false }),
    createdAt,
    updatedAt,
  }),
  references: {
    tenant: {
      record: 'Tenant',
      sql: 'r.tenant_id',
      description: 'The tenant, while there is one.',
    },
    dataSource: {
      record: 'DataSource',
      sql: 'r.data_source_id',
      description: 'The data source it goes to.',
    },
  },
};
