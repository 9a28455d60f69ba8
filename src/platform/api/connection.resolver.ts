/** Whether a tenant's data can be reached and is safe there: `Tenant.connection`, asked step by step. */
import { Float, Int, type ClassType } from 'type-graphql';
import { createHashingGate } from '../../auth/hashing-gate';
import {
  defineObjectType,
  type FieldDeclaration,
  type TypeReference,
} from '../../graphql/define-type';
import { defineResolver } from '../../graphql/define-resolver';
import { reportConnection, type ConnectionReport } from '../../tenancy/connection-report';
import type { PoolStats } from '../../tenancy/lease';
import type { PlatformContext } from './platform-context';
import type { PlatformRow } from './records/platform-record';
import type { SchemaParts } from './schema-parts';

/** Each look has a connection of its own, outside the pools: a page of tenants must not take them all. */
const LOOKS_AT_ONCE = 4;
const MAX_WAITING = 400;

interface ConnectionStatus extends ConnectionReport {
  readonly pool: Omit<PoolStats, 'dataSource'> | null;
}

const field = (type: TypeReference, description: string): FieldDeclaration => ({
  type: () => type,
  description,
});
const orNull = (type: TypeReference, description: string): FieldDeclaration => ({
  ...field(type, description),
  nullable: true,
});

export function defineConnectionResolvers({ resolvers, typesOf }: SchemaParts): ClassType[] {
  const status = defineStatusTypes();
  const gate = createHashingGate({ maxConcurrent: LOOKS_AT_ONCE, maxWaiting: MAX_WAITING });
  const { record } = typesOf('Tenant');
  return [
    defineResolver<PlatformContext>({ type: record, name: 'Tenant' }, resolvers, (builder) => {
      builder.field<PlatformRow, object>({
        name: 'connection',
        returns: () => status,
        nullable: true,
        description:
          'Looks at the way to the tenant’s data, step by step, over a connection of its own. Never tells a password.',
        // It looks at the registry and at the data source.
        extensions: { statements: 4 },
        resolve: (tenant, _args, context) => gate.run(() => look(context, tenant.id)),
      });
    }),
  ];
}

async function look(
  { tenancy }: PlatformContext,
  tenantId: string,
): Promise<ConnectionStatus | null> {
  const tenant = await tenancy.registry.findTenant(tenantId);
  if (tenant === undefined) return null;
  const report = await reportConnection(tenancy, tenant);
  const pool = tenancy.pools
    .stats()
    .find(({ dataSource }) => dataSource === report.dataSource?.name);
  return { ...report, pool: pool ?? null };
}

function defineStatusTypes(): ClassType {
  const check = defineObjectType(
    'ConnectionCheck',
    {
      name: field(
        String,
        'One of `registry`, `dataSource`, `decrypt`, `connect`, `role`, `policies`, `schema`, `tenant`, `query`, in this order.',
      ),
      status: field(String, '`passed`, `failed`, or `skipped` after an earlier failure.'),
      detail: orNull(String, 'What was found.'),
      reason: orNull(String, 'The name of what is wrong, such as `BAD_KEY`.'),
      remedy: orNull(String, 'What to do about it.'),
    },
    { description: 'One step on the way to a tenant’s data.' },
  );
  const address = defineObjectType(
    'ConnectionAddress',
    {
      host: field(String, 'Host name or address.'),
      port: field(Int, 'TCP port.'),
      database: field(String, 'Name of the database.'),
      user: field(String, 'Role that serves requests.'),
      tls: field(String, '`disable`, `require` or `verify-full`.'),
    },
    { description: 'Where a data source is; without its password.' },
  );
  const server = defineObjectType(
    'ConnectionServer',
    {
      version: field(String, 'Version of Postgres.'),
      tls: field(Boolean, 'Whether the connection is encrypted.'),
      connectMs: field(Float, 'Milliseconds to connect and log in.'),
      queryMs: field(Float, 'Milliseconds for a query to be answered.'),
    },
    { description: 'What answered.' },
  );
  const pool = defineObjectType(
    'ConnectionPool',
    {
      open: field(Int, 'Connections that are open.'),
      idle: field(Int, 'Open connections that nobody uses.'),
      leased: field(Int, 'In use.'),
      waiting: field(Int, 'Requests that wait for one.'),
      max: field(Int, 'Connections it may open.'),
      breaker: field(
        String,
        '`closed` when all is well, `open` while the data source is not asked, `half-open` when it is tried again.',
      ),
    },
    { description: 'Connections of the server process that answers to the data source.' },
  );
  return defineObjectType(
    'ConnectionStatus',
    {
      ok: field(Boolean, 'Whether every check passed.'),
      checks: field([check], 'What was looked at, in order.'),
      connection: orNull(address, 'Null when the credentials do not open.'),
      server: orNull(server, 'Null when nothing answered.'),
      schemaVersion: orNull(String, 'The last migration that was run there.'),
      expectedSchemaVersion: orNull(String, 'The last migration that this version has.'),
      pool: orNull(pool, 'Null while this process holds no pool for the data source.'),
    },
    { description: 'How a tenant’s data is reached, and whether all is well.' },
  );
}
