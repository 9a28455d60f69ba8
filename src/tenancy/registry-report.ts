/** Says of the registry what `connection-report` says of a tenant's data source. */
import type { ClientBase } from 'pg';
import { TENANT_UNAVAILABLE_REMEDIES } from '../errors';
import { SECOND } from '../lib/duration';
import { describeConnectionFault } from '../database/connection-fault';
import type { ConnectionSettings } from '../database/connection-url';
import { compareMigrations } from '../database/schema-state';
import { withClient } from '../database/with-client';
import type { ConnectionInfo } from './connection-report';

export interface RegistryReport {
  readonly ok: boolean;
  readonly connection: ConnectionInfo;
  readonly server: {
    readonly version: string;
    readonly tls: boolean;
    readonly connectMs: number;
  } | null;
  readonly schemaVersion: string | null;
  readonly problems: readonly {
    readonly reason: string;
    readonly detail: string;
    readonly remedy: string;
  }[];
  /** What works and should still be changed. */
  readonly warnings: readonly string[];
}

const WITHIN_MS = 2.8 * SECOND;

const FINDINGS = `
  select current_setting('server_version') as version,
    coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false) as tls,
    current_user::text as role,
    exists (select from pg_roles where rolsuper and pg_has_role(current_user, oid, 'member')) as superuser,
    exists (
      select from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'registry' and pg_has_role(current_user, c.relowner, 'member')) as owner,
    to_regclass('registry.schema_migrations') is not null as migrated`;

interface Findings {
  readonly version: string;
  readonly tls: boolean;
  readonly role: string;
  readonly superuser: boolean;
  readonly owner: boolean;
  readonly migrated: boolean;
}

/** Never throws. @param settings of the run-time role. */
export async function reportRegistry(settings: ConnectionSettings): Promise<RegistryReport> {
  const { host, port, database, user, tls } = settings;
  const connection: ConnectionInfo = { host, port, database, user, tls };
  try {
    return await withClient(
      settings,
      { applicationName: 'cloister-doctor', withinMs: WITHIN_MS },
      (client, connectMs) => inspect(client, connectMs, connection),
    );
  } catch (error) {
    const problem = {
      reason: 'REGISTRY_UNREACHABLE',
      detail: describeConnectionFault(error),
      remedy: TENANT_UNAVAILABLE_REMEDIES.REGISTRY_UNREACHABLE,
    };
    return {
      ok: false,
      connection,
      server: null,
      schemaVersion: null,
      problems: [problem],
      warnings: [],
    };
  }
}

async function inspect(
  client: ClientBase,
  connectMs: number,
  connection: ConnectionInfo,
): Promise<RegistryReport> {
  const { rows } = await client.query<Findings>(FINDINGS);
  const [findings] = rows;
  if (findings === undefined) throw new Error('The registry answered the check with no row.');
  const applied = findings.migrated
    ? (
        await client.query<{ name: string }>(
          'select name from registry.schema_migrations order by id',
        )
      ).rows
    : [];
  const state = compareMigrations(
    applied.map(({ name }) => name),
    'registry',
  );
  const problems = [];
  if (state.unknown.length > 0) {
    problems.push({
      reason: 'SCHEMA_VERSION',
      detail: `newer than this version: ${state.unknown.join(', ')}`,
      remedy: 'Run the version of cloister that made it, or a later one.',
    });
  } else if (state.pending.length > 0) {
    problems.push({
      reason: 'SCHEMA_VERSION',
      detail: `expected ${state.expected}, found ${state.version ?? 'none'}`,
      remedy: 'Run `cloister migrate`.',
    });
  }
  return {
    ok: problems.length === 0,
    connection,
    server: { version: findings.version, tls: findings.tls, connectMs },
    schemaVersion: state.version,
    problems,
    warnings: warningsOf(findings),
  };
}

/** There is no row-level security to step around here, but an owner can silence the audit triggers. */
function warningsOf({ role, superuser, owner }: Findings): string[] {
  const advice =
    'give REGISTRY_URL a role that owns nothing, and the owner as REGISTRY_MIGRATION_URL: it could switch off the audit log.';
  if (superuser) return [`The role ${role} is a superuser: ${advice}`];
  if (owner) return [`The role ${role} owns the registry's tables: ${advice}`];
  return [];
}
