import { Field, Float, Int, ObjectType } from 'type-graphql';

@ObjectType({ description: 'One step on the way to the tenant’s data.' })
export class ConnectionCheck {
  @Field(() => String, {
    description:
      'One of `registry`, `dataSource`, `decrypt`, `connect`, `role`, `policies`, `schema`, `tenant`, `query`, in this order.',
  })
  name!: string;

  @Field(() => String, {
    description: '`passed`, `failed`, or `skipped` after an earlier failure.',
  })
  status!: string;

  @Field(() => String, { nullable: true, description: 'What was found.' })
  detail!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The name of what is wrong, such as `BAD_KEY`.',
  })
  reason!: string | null;

  @Field(() => String, { nullable: true, description: 'What to do about it.' })
  remedy!: string | null;
}

@ObjectType({ description: 'The database that the tenant’s data is in.' })
export class ConnectionDataSource {
  @Field(() => String, { description: 'Its name.' })
  name!: string;

  @Field(() => String, { description: '`shared`, `dedicated` or `byo` (the organisation’s own).' })
  placement!: string;

  @Field(() => String, { description: 'Where it stands.' })
  region!: string;

  @Field(() => String, { description: '`active`, `draining` or `retired`.' })
  status!: string;

  @Field(() => Int, { description: 'Connections each server process keeps open.' })
  poolMin!: number;

  @Field(() => Int, { description: 'Connections each server process may open.' })
  poolMax!: number;

  @Field(() => String, { description: 'Id of the key that its credentials are sealed with.' })
  keyId!: string;
}

@ObjectType({ description: 'Where the organisation’s own database is; without its password.' })
export class ConnectionAddress {
  @Field(() => String, { description: 'Host name or address.' })
  host!: string;

  @Field(() => Int, { description: 'TCP port.' })
  port!: number;

  @Field(() => String, { description: 'Name of the database.' })
  database!: string;

  @Field(() => String, { description: 'Role that serves requests.' })
  user!: string;

  @Field(() => String, { description: '`disable`, `require` or `verify-full`.' })
  tls!: string;
}

@ObjectType({ description: 'What answered.' })
export class ConnectionServer {
  @Field(() => String, { description: 'Version of Postgres.' })
  version!: string;

  @Field(() => Boolean, { description: 'Whether the connection is encrypted.' })
  tls!: boolean;

  @Field(() => Float, { description: 'Milliseconds to connect and log in.' })
  connectMs!: number;

  @Field(() => Float, { description: 'Milliseconds for a query to be answered.' })
  queryMs!: number;
}

@ObjectType({ description: 'How the server process’s cache of configuration does.' })
export class ConnectionCache {
  @Field(() => Float, {
    nullable: true,
    description: 'Share of look-ups answered from the cache, 0 to 1.',
  })
  hitRate!: number | null;

  @Field(() => Float, {
    nullable: true,
    description: 'Milliseconds to open sealed credentials, on average.',
  })
  unsealMs!: number | null;
}

@ObjectType({ description: 'Connections of the server process to the data source.' })
export class ConnectionPool {
  @Field(() => Int, { description: 'Connections that are open.' })
  open!: number;

  @Field(() => Int, { description: 'Open connections that nobody uses.' })
  idle!: number;

  @Field(() => Int, { description: 'In use.' })
  leased!: number;

  @Field(() => Int, { description: 'Requests that wait for one.' })
  waiting!: number;

  @Field(() => Int, { description: 'Connections it may open.' })
  max!: number;

  @Field(() => String, {
    description:
      '`closed` when all is well, `open` while the data source is not asked, `half-open` when it is tried again.',
  })
  breaker!: string;
}

@ObjectType({ description: 'How the signed-in tenant’s data is reached, and whether all is well.' })
export class TenantConnection {
  @Field(() => Boolean, { description: 'Whether every check passed.' })
  ok!: boolean;

  @Field(() => [ConnectionCheck], { description: 'What was looked at, in order.' })
  checks!: readonly ConnectionCheck[];

  @Field(() => ConnectionDataSource, {
    nullable: true,
    description: 'Where the organisation’s data is kept.',
  })
  dataSource!: ConnectionDataSource | null;

  @Field(() => ConnectionAddress, {
    nullable: true,
    description: 'Told of the organisation’s own database only.',
  })
  connection!: ConnectionAddress | null;

  @Field(() => ConnectionServer, { nullable: true, description: 'Null when nothing answered.' })
  server!: ConnectionServer | null;

  @Field(() => String, { nullable: true, description: 'The last migration that was run there.' })
  schemaVersion!: string | null;

  @Field(() => String, { nullable: true, description: 'The last migration that this version has.' })
  expectedSchemaVersion!: string | null;

  @Field(() => ConnectionCache, {
    description: 'How the look-ups of tenants and data sources fare in this process.',
  })
  cache!: ConnectionCache;

  @Field(() => ConnectionPool, { nullable: true, description: 'Null while no pool is open.' })
  pool!: ConnectionPool | null;
}
