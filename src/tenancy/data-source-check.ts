/**
 * Looks at a data source through the eyes of the role that serves requests: could that role step
 * around row-level security, is every table guarded, is the schema ours. Asked when a pool is made
 * (fails closed) and by the doctor (explains).
 */
import type { ClientBase } from 'pg';
import { tenantUnavailable } from '../errors';
import { createMigrationSource } from '../database/migration-source';
import { judgeSchema, type SchemaVerdict } from '../database/schema-compatibility';
import { findAppliedSchema } from '../database/schema-state';
import type { SessionStyle } from './transaction-scope';

export interface DataSourceFindings {
  readonly serverVersion: string;
  readonly tls: boolean;
  readonly role: string;
  readonly roleIsSafe: boolean;
  /** Why not, in the words of Postgres: `superuser`, `bypassrls`, `owner`. */
  readonly roleFaults: readonly string[];
  readonly unguardedTables: readonly string[];
  /** Tables that the role may not read and write, as after migrations by the Knex command line. */
  readonly ungrantedTables: readonly string[];
  readonly schemaVersion: string | null;
  readonly expectedSchemaVersion: string;
  /** Whether tenants' tables are spread over several servers (Citus). */
  readonly distributed: boolean;
  /** Whether this code serves that version: it may be a release older, or newer. */
  readonly schema: SchemaVerdict;
}

const FINDINGS = `
  select current_setting('server_version') as "serverVersion",
    coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false) as tls,
    current_user::text as role,
    array_remove(array[
      case when exists (select from pg_roles where rolsuper and pg_has_role(current_user, oid, 'member'))
        then 'superuser' end,
      case when exists (select from pg_roles where rolbypassrls and pg_has_role(current_user, oid, 'member'))
        then 'bypassrls' end,
      case when exists (
        select from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'cloister' and pg_has_role(current_user, c.relowner, 'member')) then 'owner' end
    ], null)::text[] as "roleFaults",
    coalesce((
      select array_agg(c.relname::text order by c.relname)
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'cloister' and c.relkind in ('r', 'p') and c.relname not like 'schema\\_migrations%'
        and not (c.relrowsecurity and c.relforcerowsecurity
          and exists (select from pg_policy p where p.polrelid = c.oid and p.polpermissive)
          -- Permissive policies are alternatives: one that asks for less than the tenant opens the table.
          and not exists (
            select from pg_policy p where p.polrelid = c.oid and p.polpermissive
              and (coalesce(pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid), '')
                  not like '%app.tenant_id%'
                or coalesce(pg_get_expr(p.polwithcheck, p.polrelid), pg_get_expr(p.polqual, p.polrelid), '')
                  not like '%app.tenant_id%')))
    ), array[]::text[]) as "unguardedTables",
    coalesce((
      select array_agg(c.relname::text order by c.relname)
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'cloister' and c.relkind in ('r', 'p') and c.relname not like 'schema\\_migrations%'
        and not (has_table_privilege(c.oid, 'select') and has_table_privilege(c.oid, 'insert')
          and has_table_privilege(c.oid, 'update') and has_table_privilege(c.oid, 'delete'))
    ), array[]::text[]) as "ungrantedTables",
    to_regclass('pg_catalog.pg_dist_partition') is not null as "hasCitus"`;

/** Asks a table that is there with the extension alone. */
async function hasDistributedTables(client: ClientBase): Promise<boolean> {
  const { rowCount } = await client.query(
    `select from pg_catalog.pg_dist_partition p join pg_class c on c.oid = p.logicalrelid
     where c.relnamespace = to_regnamespace('cloister') limit 1`,
  );
  return rowCount === 1;
}

/**
 * A setting that the coordinator keeps to itself would hide every row, without a word.
 * @returns what is wrong with the way in which sessions are to state their tenant, or undefined.
 */
export const styleFaultOf = (
  { distributed }: Pick<DataSourceFindings, 'distributed'>,
  { sessionStyle }: { readonly sessionStyle: SessionStyle },
): string | undefined =>
  distributed && sessionStyle === 'direct'
    ? 'its tables are distributed, and its session style is direct'
    : undefined;

type Found = Omit<DataSourceFindings, 'schemaVersion' | 'schema' | 'distributed'>;

export async function findDataSourceFindings(client: ClientBase): Promise<DataSourceFindings> {
  const { rows } = await client.query<Found & { readonly hasCitus: boolean }>(FINDINGS);
  const [row] = rows;
  if (row === undefined) throw new Error('The data source answered the check with no row.');
  const { hasCitus, ...findings } = row;
  const found = await findAppliedSchema(client);
  return {
    ...findings,
    distributed: hasCitus && (await hasDistributedTables(client)),
    roleIsSafe: findings.roleFaults.length === 0,
    schemaVersion: found.applied.at(-1) ?? null,
    expectedSchemaVersion: createMigrationSource('tenant').names.at(-1) ?? '',
    schema: judgeSchema(found),
  };
}

/** @throws TENANT_UNAVAILABLE with UNSAFE_ROLE, UNGUARDED_TABLES, SESSION_STYLE or SCHEMA_VERSION. */
export async function assertDataSourceIsSafe(
  client: ClientBase,
  dataSource: { readonly sessionStyle: SessionStyle },
): Promise<DataSourceFindings> {
  const findings = await findDataSourceFindings(client);
  if (!findings.roleIsSafe) {
    throw tenantUnavailable(
      'UNSAFE_ROLE',
      new Error(`role ${findings.role}: ${findings.roleFaults.join(', ')}`),
    );
  }
  if (findings.unguardedTables.length > 0) {
    throw tenantUnavailable(
      'UNGUARDED_TABLES',
      new Error(`unguarded tables: ${findings.unguardedTables.join(', ')}`),
    );
  }
  const styleFault = styleFaultOf(findings, dataSource);
  if (styleFault !== undefined) throw tenantUnavailable('SESSION_STYLE', new Error(styleFault));
  const { served, detail } = findings.schema;
  if (!served) throw tenantUnavailable('SCHEMA_VERSION', new Error(detail));
  return findings;
}
