/** What was and is being done: by operators, by jobs, by moves. */
import {
  bigInteger,
  createdAt,
  dateTime,
  fieldsOf,
  integer,
  json,
  oneOf,
  recordId,
  text,
  updatedAt,
} from './fields';
import type { PlatformRecord } from './platform-record';

export const OPERATOR_ROLE = oneOf(
  'OperatorRole',
  {
    viewer: 'Looks on.',
    operator: 'Runs tenants and data sources.',
    owner: 'Also decides who operates, and what cannot be undone.',
  },
  'What the operator may do.',
);

export const operatorRecord: PlatformRecord = {
  name: 'Operator',
  singular: 'operator',
  plural: 'operators',
  one: 'operator',
  many: 'operators',
  description: 'A person who runs the platform.',
  table: 'registry.operators',
  idPrefix: 'operator',
  idType: 'uuid',
  defaultOrder: { field: 'email', direction: 'asc' },
  fields: fieldsOf({
    email: text('Address to sign in with.', { order: true }),
    name: text('What the person is called.', { order: true }),
    role: OPERATOR_ROLE,
    status: oneOf(
      'OperatorStatus',
      { active: 'May sign in.', disabled: 'May not sign in any more.' },
      'Whether the operator may sign in.',
    ),
    lastLoginAt: dateTime('When the operator last signed in.', { nullable: true }),
    createdAt,
    updatedAt,
  }),
};

export const auditEntryRecord: PlatformRecord = {
  name: 'AuditEntry',
  singular: 'auditEntry',
  plural: 'auditLog',
  one: 'entry',
  many: 'entries of the audit log',
  description:
    'A change to the registry, as a trigger wrote it down. Secrets show as fingerprints.',
  table: 'registry.audit_log',
  idPrefix: 'audit',
  idType: 'bigint',
  defaultOrder: { field: 'at', direction: 'desc' },
  fields: fieldsOf({
    at: dateTime('When it was made.', { order: true }),
    actor: text('Who made it, such as `operator:ada@example.test`; null for one made by hand.', {
      nullable: true,
    }),
    databaseRole: text('The database role it was made with.'),
    table: text('Table of the registry.', { sql: 'r.table_name' }),
    operation: oneOf(
      'AuditOperation',
      { INSERT: 'A row was added.', UPDATE: 'A row was changed.', DELETE: 'A row was removed.' },
      'What was done.',
    ),
    rowId: recordId('Id of the record that was changed.', { nullable: true }),
    before: json('The row before, without secrets.', { nullable: true }),
    after: json('The row after, without secrets.', { nullable: true }),
    position: bigInteger('Its place in the chain that `verifyAudit` computes anew.', {
      nullable: true,
      filter: false,
      sql: '(select c.position from registry.audit_chain c where c.entry_id = r.id)',
    }),
  }),
};

export const moveRecord: PlatformRecord = {
  name: 'Move',
  singular: 'move',
  plural: 'moves',
  one: 'move',
  many: 'moves',
  description: 'A move of a tenant from one data source to another.',
  table: 'registry.moves',
  idPrefix: 'move',
  idType: 'uuid',
  defaultOrder: { field: 'startedAt', direction: 'desc' },
  fields: fieldsOf({
    phase: oneOf(
      'MovePhase',
      {
        prepare: 'The target is made ready.',
        copy: 'Rows are copied from one snapshot.',
        follow: 'What changed meanwhile is applied.',
        verify: 'Writes wait, and the two places are compared.',
        switch: 'The tenant is about to be switched over.',
        switched: 'The tenant is at the target; the source is kept for a way back.',
        finished: 'The source is emptied.',
        rolled_back: 'The tenant stayed, or is back.',
      },
      'Where it stands.',
    ),
    rowsTotal: bigInteger('Rows there are to copy.'),
    rowsCopied: bigInteger('Rows copied so far.'),
    changesApplied: bigInteger('Changes applied after the copy.'),
    pauseMs: integer('Milliseconds that writes waited for the switch.', { nullable: true }),
    failure: text('Why it failed.', { nullable: true, filter: false }),
    keepSeconds: integer('How long the source is kept after the switch.'),
    startedAt: dateTime('When it began.', { order: true }),
    updatedAt,
    switchedAt: dateTime('When the tenant was switched over.', { nullable: true }),
    finishedAt: dateTime('When it ended.', { nullable: true }),
  }),
  references: {
    tenant: { record: 'Tenant', sql: 'r.tenant_id', description: 'Who moves.' },
    source: { record: 'DataSource', sql: 'r.source_id', description: 'Where it moves from.' },
    target: { record: 'DataSource', sql: 'r.target_id', description: 'Where it moves to.' },
  },
};

/** Of pg-boss, whose times are finer than the milliseconds that a cursor keeps. */
export const jobRecord: PlatformRecord = {
  name: 'Job',
  singular: 'job',
  plural: 'jobs',
  one: 'job',
  many: 'jobs',
  description: 'Work that is done apart from requests. What it was given is not shown.',
  table: 'jobs.job',
  idPrefix: 'job',
  idType: 'uuid',
  defaultOrder: { field: 'createdAt', direction: 'desc' },
  fields: fieldsOf({
    name: text('What kind of work it is; of a dead letter, with `.dead` behind it.'),
    state: oneOf(
      'JobState',
      {
        created: 'Waiting.',
        retry: 'Waiting to be tried again.',
        active: 'Under way.',
        completed: 'Done.',
        cancelled: 'Called off.',
        failed: 'Given up.',
      },
      'How it stands.',
      { sql: 'r.state::text' },
    ),
    retryCount: integer('How often it was tried again.'),
    retryLimit: integer('How often it may be tried again.'),
    createdAt: dateTime('When it was made.', {
      sql: `date_trunc('milliseconds', r.created_on)`,
      order: true,
    }),
    startAfter: dateTime('Not before.'),
    startedAt: dateTime('When it was last begun.', { nullable: true, sql: 'r.started_on' }),
    completedAt: dateTime('When it ended.', { nullable: true, sql: 'r.completed_on' }),
    output: json('Progress, outcome or failure.', { nullable: true }),
  }),
  references: {
    tenant: {
      record: 'Tenant',
      sql: `case when r.data->>'tenantId' ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then (r.data->>'tenantId')::uuid end`,
      description: 'Whom it is about.',
    },
  },
};

export const hostnameRecord: PlatformRecord = {
  name: 'Hostname',
  singular: 'hostname',
  plural: 'hostnames',
  one: 'host name',
  many: 'host names',
  description: 'A host name that a tenant claims or has proved to be its own.',
  table: 'registry.hostnames',
  idPrefix: 'hostname',
  idType: 'uuid',
  defaultOrder: { field: 'hostname', direction: 'asc' },
  fields: fieldsOf({
    hostname: text('The name.', { order: true }),
    verifiedAt: dateTime('When it was proved; null for a claim.', { nullable: true }),
    failedChecks: integer('Looks in a row that found the proof gone.'),
    createdAt,
    updatedAt,
  }),
  references: { tenant: { record: 'Tenant', sql: 'r.tenant_id', description: 'Whose it is.' } },
};

export const phoneNumberRecord: PlatformRecord = {
  name: 'PhoneNumber',
  singular: 'phoneNumber',
  plural: 'phoneNumbers',
  one: 'telephone number',
  many: 'telephone numbers',
  description: 'A telephone number whose messages go to a tenant.',
  table: 'registry.phone_numbers',
  idPrefix: 'phone',
  idType: 'uuid',
  defaultOrder: { field: 'number', direction: 'asc' },
  fields: fieldsOf({
    number: text('In E.164 form.', { order: true }),
    scheme: text('Whose way of signing its messages follow.'),
    createdAt,
    updatedAt,
  }),
  references: { tenant: { record: 'Tenant', sql: 'r.tenant_id', description: 'Whose it is.' } },
};
