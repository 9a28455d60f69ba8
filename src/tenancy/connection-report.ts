/**
 * Says of one tenant, step by step, whether its data can be reached and is safe there: asked by
 * `cloister doctor` and by an admin's `tenantConnection`.
 *
 * A connection of its own, outside the pools and closed before the answer: a pool would refuse what
 * is to be explained here. Faults are named by SQLSTATE or system code, never by a message that came
 * from a server: a customer's own server may put into it what it likes, a password we sent included.
 */
import pg from 'pg';
import { isAppError, TENANT_UNAVAILABLE_REMEDIES, type TenantUnavailableReason } from '../errors';
import { SECOND } from '../lib/duration';
import { within } from '../lib/within';
import { describeConnectionFault } from '../database/connection-fault';
import { AddressRefused } from '../database/address-guard';
import type { ConnectionSettings } from '../database/connection-url';
import { withClient } from '../database/with-client';
import { findDataSourceFindings, styleFaultOf, type DataSourceFindings } from './data-source-check';
import { parseDataSourceUrl } from './data-source-url';
import type { DataSourceRow, TenantRow } from './registry.store';
import { openUrl } from './secrets/data-source-urls';
import type { Tenancy } from './tenancy';
import { statingTenant } from './transaction-scope';

export const CONNECTION_CHECKS = [
  'registry', // the tenant's row and its data source's can be read
  'dataSource', // one is assigned
  'decrypt', // its credentials open with a key we hold
  'connect', // it answers and lets us in
  'role', // the run-time role cannot step around row-level security
  'policies', // every table is guarded
  'schema', // its migrations are those of this version
  'tenant', // the tenant is known there by the recorded id
  'query', // its rows can be read
] as const;
export type ConnectionCheckName = (typeof CONNECTION_CHECKS)[number];

export interface ConnectionCheck {
  readonly name: ConnectionCheckName;
  /** Skipped: an earlier failure leaves nothing to look at. */
  readonly status: 'passed' | 'failed' | 'skipped';
  readonly detail: string | null;
  readonly reason: TenantUnavailableReason | null;
  readonly remedy: string | null;
}

/** Everything that is known of a connection but its password. */
export interface ConnectionInfo extends Omit<ConnectionSettings, 'password'> {
  readonly password?: never;
}

export interface ConnectionReport {
  readonly tenant: Pick<TenantRow, 'id' | 'slug' | 'name' | 'status' | 'region'>;
  readonly ok: boolean;
  readonly checks: readonly ConnectionCheck[];
  readonly dataSource:
    | (Pick<
        DataSourceRow,
        | 'name'
        | 'placement'
        | 'status'
        | 'region'
        | 'poolMin'
        | 'poolMax'
        | 'sessionStyle'
        | 'namedStatements'
      > & { readonly keyId: string })
    | null;
  /** Null when the credentials do not open. */
  readonly connection: ConnectionInfo | null;
  readonly server: {
    readonly version: string;
    /** What the connection does, whatever its URL asks for. */
    readonly tls: boolean;
    readonly connectMs: number;
    readonly queryMs: number;
  } | null;
  readonly schemaVersion: string | null;
  readonly expectedSchemaVersion: string | null;
}

type Parts = Pick<Tenancy, 'registry' | 'secretBox' | 'addressGuard'>;
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Within 3 s in all: a tenant whose database is silent must not hold up the others' reports. */
const REGISTRY_WITHIN_MS = 1 * SECOND;
const DATA_SOURCE_WITHIN_MS = 1.8 * SECOND;

/** Never throws. */
export async function reportConnection(
  tenancy: Parts,
  tenant: TenantRow,
): Promise<ConnectionReport> {
  const { id, slug, name, status, region } = tenant;
  const report: Mutable<ConnectionReport> = {
    tenant: { id, slug, name, status, region },
    ok: false,
    checks: [],
    dataSource: null,
    connection: null,
    server: null,
    schemaVersion: null,
    expectedSchemaVersion: null,
  };
  const checks = new Map<ConnectionCheckName, ConnectionCheck>();
  const pass = (check: ConnectionCheckName, detail: string | null = null): void => {
    checks.set(check, { name: check, status: 'passed', detail, reason: null, remedy: null });
  };
  const fail = (
    check: ConnectionCheckName,
    reason: TenantUnavailableReason,
    detail: string,
  ): void => {
    const remedy = TENANT_UNAVAILABLE_REMEDIES[reason];
    checks.set(check, { name: check, status: 'failed', detail, reason, remedy });
  };
  try {
    await inspect(tenancy, tenant, report, { pass, fail });
  } catch (error) {
    fail('query', 'DATA_SOURCE_UNREACHABLE', describeConnectionFault(error));
  }
  report.checks = CONNECTION_CHECKS.map(
    (check) =>
      checks.get(check) ?? {
        name: check,
        status: 'skipped',
        detail: null,
        reason: null,
        remedy: null,
      },
  );
  report.ok = report.checks.every((check) => check.status === 'passed');
  return report;
}

interface Verdict {
  readonly pass: (check: ConnectionCheckName, detail?: string | null) => void;
  readonly fail: (
    check: ConnectionCheckName,
    reason: TenantUnavailableReason,
    detail: string,
  ) => void;
}

async function inspect(
  { registry, secretBox, addressGuard }: Parts,
  tenant: TenantRow,
  report: Mutable<ConnectionReport>,
  { pass, fail }: Verdict,
): Promise<void> {
  if (tenant.dataSourceId === null) {
    pass('registry');
    return fail('dataSource', 'NO_DATA_SOURCE', 'none assigned');
  }
  let row: DataSourceRow | undefined;
  try {
    row = await within(REGISTRY_WITHIN_MS, registry.findDataSource(tenant.dataSourceId));
    pass('registry');
  } catch (error) {
    return fail('registry', 'REGISTRY_UNREACHABLE', describeConnectionFault(error));
  }
  if (row === undefined) return fail('dataSource', 'NO_DATA_SOURCE', 'the one assigned is gone');
  const { name, placement, status, region, poolMin, poolMax, sessionStyle, namedStatements } = row;
  const keyId = (await secretBox.findMasterKeyId(row.urlSealed)) ?? 'unknown';
  report.dataSource = {
    name,
    placement,
    status,
    region,
    poolMin,
    poolMax,
    sessionStyle,
    namedStatements,
    keyId,
  };
  pass('dataSource', name);

  let connection: ConnectionSettings;
  try {
    connection = parseDataSourceUrl(await openUrl(secretBox, row), placement, addressGuard);
  } catch (error) {
    // The cause says no more than the key id does, and a URL that does not parse must not be told.
    return fail('decrypt', decryptReasonOf(error), `sealed with key ${keyId}`);
  }
  pass('decrypt', `key ${keyId}`);
  const { host, port, database, user, tls } = connection;
  report.connection = { host, port, database, user, tls };
  await inspectDataSource(connection, row, tenant, report, { pass, fail });
}

async function inspectDataSource(
  connection: ConnectionSettings,
  dataSource: DataSourceRow,
  tenant: TenantRow,
  report: Mutable<ConnectionReport>,
  { pass, fail }: Verdict,
): Promise<void> {
  let step: ConnectionCheckName = 'connect';
  const look = async (client: pg.Client, connectMs: number): Promise<void> => {
    const startedAt = performance.now();
    const findings = await findDataSourceFindings(client);
    const queryMs = Math.round(((performance.now() - startedAt) / QUERIES_OF_FINDINGS) * 10) / 10;
    report.server = { version: findings.serverVersion, tls: findings.tls, connectMs, queryMs };
    pass('connect', `${connectMs} ms`);
    judgeFindings(findings, report, { pass, fail });
    const styleFault = styleFaultOf(findings, dataSource);
    if (styleFault !== undefined) return fail('tenant', 'SESSION_STYLE', styleFault);
    if (findings.schemaVersion === null) return;
    const local = tenant.tenantIdInDataSource;
    step = 'tenant';
    await client.query('begin read only');
    for (const command of statingTenant(local, dataSource.sessionStyle))
      await client.query(command);
    const known = await client.query('select from cloister.tenants where tenant_id = $1', [local]);
    if (known.rowCount === 0) fail('tenant', 'TENANT_ID_MISMATCH', `${local} is not known there`);
    else pass('tenant', local);
    step = 'query';
    await client.query('select from cloister.accounts where tenant_id = $1 limit 1', [local]);
    await client.query('rollback');
    if (findings.ungrantedTables.length === 0) return pass('query');
    fail(
      'query',
      'SCHEMA_VERSION',
      `the role lacks a privilege on ${findings.ungrantedTables.join(', ')}`,
    );
  };
  try {
    await withClient(
      connection,
      { applicationName: 'cloister-doctor', withinMs: DATA_SOURCE_WITHIN_MS },
      look,
    );
  } catch (error) {
    // A missing grant or table is mended by the migrations, whatever the step.
    fail(step, reasonOf(error), describeConnectionFault(error));
  }
}

function decryptReasonOf(error: unknown): TenantUnavailableReason {
  const reason = isAppError(error) ? error.details['reason'] : undefined;
  return reason === 'KEY_PROVIDER_UNREACHABLE' || reason === 'REGISTRY_UNREACHABLE'
    ? reason
    : 'BAD_KEY';
}

function reasonOf(error: unknown): TenantUnavailableReason {
  if (error instanceof AddressRefused) return 'ADDRESS_REFUSED';
  return isRefusal(error) ? 'SCHEMA_VERSION' : 'DATA_SOURCE_UNREACHABLE';
}

const QUERIES_OF_FINDINGS = 3;

function judgeFindings(
  findings: DataSourceFindings,
  report: Mutable<ConnectionReport>,
  { pass, fail }: Verdict,
): void {
  report.schemaVersion = findings.schemaVersion;
  report.expectedSchemaVersion = findings.expectedSchemaVersion;
  if (findings.roleIsSafe) pass('role', findings.role);
  else fail('role', 'UNSAFE_ROLE', `${findings.role}: ${findings.roleFaults.join(', ')}`);
  if (findings.unguardedTables.length === 0) pass('policies');
  else fail('policies', 'UNGUARDED_TABLES', findings.unguardedTables.join(', '));
  const { served, detail } = findings.schema;
  if (served) pass('schema', detail);
  else fail('schema', 'SCHEMA_VERSION', detail);
}

const INSUFFICIENT_PRIVILEGE = '42501';
const UNDEFINED_TABLE = '42P01';
const isRefusal = (error: unknown): boolean =>
  error instanceof pg.DatabaseError &&
  [INSUFFICIENT_PRIVILEGE, UNDEFINED_TABLE].includes(error.code ?? '');
