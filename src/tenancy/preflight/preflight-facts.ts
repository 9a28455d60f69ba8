/** What a database server says of itself to one role. Reads only, and believes nothing too long. */
import type pg from 'pg';
import { TLSSocket } from 'node:tls';
import { internalsOf } from '../../database/pg-internals';

export interface PreflightFacts {
  readonly versionNumber: number;
  readonly version: string;
  readonly database: string;
  /** As SQL writes them. */
  readonly databaseIdentifier: string;
  readonly roleIdentifier: string;
  readonly role: string;
  /** What makes the role too strong to serve requests, in the words of Postgres. */
  readonly roleFaults: readonly string[];
  /** Roles that own tables of ours and that this one is a member of. */
  readonly ownersItIs: readonly string[];
  readonly mayCreateSchema: boolean;
  readonly maxConnections: number;
  readonly reservedConnections: number;
  readonly connectionsInUse: number;
  /** −1: none. */
  readonly roleConnectionLimit: number;
  readonly databaseConnectionLimit: number;
  readonly encoding: string;
  readonly collation: string;
  readonly characterType: string;
  readonly timeZone: string;
  readonly statementTimeout: string;
  readonly statementTimeoutMs: number;
  readonly idleSessionTimeoutMs: number;
  readonly readOnly: boolean;
  readonly standby: boolean;
  readonly extensions: readonly string[];
  /** Those that the search needs and that are not there. */
  readonly lackingExtensions: readonly string[];
  /** Whether the role can create what is lacking: the server has it, and trusts it to such roles. */
  readonly mayCreateExtensions: boolean;
  /** The same for two connections exactly when they lead to the same running server. */
  readonly startedAt: string;
  readonly backendPid: number;
  readonly schemaIsThere: boolean;
  readonly migrationsAreThere: boolean;
  /** What the connection is, whatever its URL asks for; null without TLS. */
  readonly tlsProtocol: string | null;
  /** Whether what answers is Postgres itself: a pooler hands out process ids of its own. */
  readonly viaPooler: boolean;
  readonly connectMs: number;
  /** The median of some empty statements: the way there and back. */
  readonly roundTripMs: number;
}

const FACTS = `
  select current_setting('server_version_num')::int as "versionNumber",
    left(current_setting('server_version'), 60) as version,
    current_database()::text as database,
    quote_ident(current_database()) as "databaseIdentifier",
    current_user::text as role,
    quote_ident(current_user) as "roleIdentifier",
    array_remove(array[
      case when exists (select from pg_roles where rolsuper and pg_has_role(current_user, oid, 'member'))
        then 'superuser' end,
      case when exists (select from pg_roles where rolbypassrls and pg_has_role(current_user, oid, 'member'))
        then 'bypassrls' end,
      case when exists (select from pg_roles where rolcreaterole and pg_has_role(current_user, oid, 'member'))
        then 'createrole' end,
      case when exists (select from pg_roles where rolreplication and pg_has_role(current_user, oid, 'member'))
        then 'replication' end,
      case when exists (
        select from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'cloister' and pg_has_role(current_user, c.relowner, 'member')) then 'owner' end
    ], null)::text[] as "roleFaults",
    array(select distinct quote_ident(r.rolname) from pg_class c
      join pg_namespace n on n.oid = c.relnamespace join pg_roles r on r.oid = c.relowner
      where n.nspname = 'cloister' and r.rolname <> current_user and pg_has_role(current_user, r.oid, 'member')
      limit 5)::text[] as "ownersItIs",
    has_database_privilege(current_database(), 'create')
      or coalesce(has_schema_privilege(to_regnamespace('cloister'), 'create'), false) as "mayCreateSchema",
    current_setting('max_connections')::int as "maxConnections",
    current_setting('superuser_reserved_connections')::int
      + coalesce(current_setting('reserved_connections', true)::int, 0) as "reservedConnections",
    (select coalesce(sum(numbackends), 0)::int from pg_stat_database) as "connectionsInUse",
    (select rolconnlimit from pg_roles where rolname = current_user) as "roleConnectionLimit",
    d.datconnlimit as "databaseConnectionLimit",
    pg_encoding_to_char(d.encoding)::text as encoding,
    left(coalesce(l.locale, d.datcollate), 60) as collation,
    left(coalesce(l.locale, d.datctype), 60) as "characterType",
    left(current_setting('TimeZone'), 60) as "timeZone",
    left(current_setting('statement_timeout'), 20) as "statementTimeout",
    (select setting::int from pg_settings where name = 'statement_timeout') as "statementTimeoutMs",
    coalesce((select setting::int from pg_settings where name = 'idle_session_timeout'), 0) as "idleSessionTimeoutMs",
    current_setting('default_transaction_read_only')::bool as "readOnly",
    pg_is_in_recovery() as standby,
    array(select left(extname, 60) from pg_extension order by extname limit 50)::text[] as extensions,
    array(select e from unnest(array['pg_trgm', 'btree_gin']) e
      where e not in (select extname from pg_extension))::text[] as "lackingExtensions",
    has_database_privilege(current_database(), 'create') and not exists (
      select from unnest(array['pg_trgm', 'btree_gin']) e
      where e not in (select extname from pg_extension)
        and e not in (select name from pg_available_extension_versions where trusted)) as "mayCreateExtensions",
    extract(epoch from pg_postmaster_start_time())::text as "startedAt",
    pg_backend_pid() as "backendPid",
    to_regnamespace('cloister') is not null as "schemaIsThere",
    -- Not to_regclass, which fails where the role may not use the schema.
    exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'cloister' and c.relname = 'schema_migrations') as "migrationsAreThere"
  from pg_database d
  -- Since Postgres 15 a locale need not be libc's; the column has had several names.
  cross join lateral (select case when to_jsonb(d) ->> 'datlocprovider' <> 'c' then
    coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') end as locale) l
  where d.datname = current_database()`;

const ROUND_TRIPS = 5;

export async function findPreflightFacts(
  client: pg.Client,
  connectMs: number,
): Promise<PreflightFacts> {
  const { rows } = await client.query<PreflightFacts>(FACTS);
  const [row] = rows;
  if (row === undefined) throw new Error('The server answered the preflight with no row.');
  const { processID, connection } = internalsOf(client);
  return {
    ...row,
    tlsProtocol: connection.stream instanceof TLSSocket ? connection.stream.getProtocol() : null,
    viaPooler: processID !== null && processID !== row.backendPid,
    connectMs,
    roundTripMs: await medianRoundTrip(client),
  };
}

async function medianRoundTrip(client: pg.Client): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < ROUND_TRIPS; n += 1) {
    const startedAt = performance.now();
    await client.query('');
    times.push(performance.now() - startedAt);
  }
  const median = times.sort((a, b) => a - b)[Math.floor(ROUND_TRIPS / 2)] ?? 0;
  return Math.round(median * 10) / 10;
}
