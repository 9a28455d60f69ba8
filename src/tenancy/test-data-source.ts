/** Connects to a data source as the server would, and says how it went and what would mend it. */
import type { ClientBase } from 'pg';
import { isAppError, TENANT_UNAVAILABLE_REMEDIES, type TenantUnavailableReason } from '../errors';
import { SECOND } from '../lib/duration';
import { AddressRefused } from '../database/address-guard';
import { describeConnectionFault } from '../database/connection-fault';
import { withClient } from '../database/with-client';
import { findDataSourceFindings, styleFaultOf, type DataSourceFindings } from './data-source-check';
import { parseDataSourceUrl } from './data-source-url';
import type { DataSourceRow } from './registry.store';
import { openUrl } from './secrets/data-source-urls';
import type { Tenancy } from './tenancy';

export interface DataSourceTest {
  readonly ok: boolean;
  readonly name: string;
  readonly connectMs: number | null;
  /** The median of a few questions. */
  readonly queryMs: number | null;
  readonly serverVersion: string | null;
  readonly tls: boolean | null;
  readonly role: string | null;
  readonly schemaVersion: string | null;
  readonly connections: { readonly used: number; readonly limit: number } | null;
  readonly problems: readonly {
    readonly reason: TenantUnavailableReason;
    readonly detail: string;
    readonly remedy: string;
  }[];
}

const WITHIN_MS = 5 * SECOND;
const QUESTIONS = 5;

type Problem = DataSourceTest['problems'][number];

const problem = (reason: TenantUnavailableReason, detail: string): Problem => ({
  reason,
  detail,
  remedy: TENANT_UNAVAILABLE_REMEDIES[reason],
});

/** Never throws. */
export async function testDataSource(
  { secretBox, addressGuard }: Pick<Tenancy, 'secretBox' | 'addressGuard'>,
  dataSource: DataSourceRow,
): Promise<DataSourceTest> {
  const { name, placement } = dataSource;
  try {
    const url = await openUrl(secretBox, dataSource);
    const connection = parseDataSourceUrl(url, placement, addressGuard);
    return await withClient(
      connection,
      { applicationName: 'cloister-test', withinMs: WITHIN_MS },
      async (client, connectMs) => {
        const queryMs = await medianMs(client);
        const findings = await findDataSourceFindings(client);
        const problems = problemsOf(findings, dataSource);
        return {
          ok: problems.length === 0,
          name,
          connectMs,
          queryMs,
          serverVersion: findings.serverVersion,
          tls: findings.tls,
          role: findings.role,
          schemaVersion: findings.schemaVersion,
          connections: await countConnections(client),
          problems,
        };
      },
    );
  } catch (error) {
    return {
      ok: false,
      name,
      connectMs: null,
      queryMs: null,
      serverVersion: null,
      tls: null,
      role: null,
      schemaVersion: null,
      connections: null,
      problems: [problem(reasonOf(error), describeConnectionFault(error))],
    };
  }
}

function reasonOf(error: unknown): TenantUnavailableReason {
  if (error instanceof AddressRefused) return 'ADDRESS_REFUSED';
  if (isAppError(error)) return 'BAD_KEY';
  return 'DATA_SOURCE_UNREACHABLE';
}

function problemsOf(findings: DataSourceFindings, dataSource: DataSourceRow): Problem[] {
  const styleFault = styleFaultOf(findings, dataSource);
  const { role, roleIsSafe, roleFaults, unguardedTables, ungrantedTables, schema } = findings;
  return [
    ...(roleIsSafe ? [] : [problem('UNSAFE_ROLE', `${role}: ${roleFaults.join(', ')}`)]),
    ...(unguardedTables.length === 0
      ? []
      : [problem('UNGUARDED_TABLES', unguardedTables.join(', '))]),
    ...(styleFault === undefined ? [] : [problem('SESSION_STYLE', styleFault)]),
    ...(schema.served ? [] : [problem('SCHEMA_VERSION', schema.detail)]),
    ...(ungrantedTables.length === 0
      ? []
      : [problem('SCHEMA_VERSION', `the role lacks a privilege on ${ungrantedTables.join(', ')}`)]),
  ];
}

async function medianMs(client: ClientBase): Promise<number> {
  const taken: number[] = [];
  for (let question = 0; question < QUESTIONS; question += 1) {
    const startedAt = performance.now();
    await client.query('select 1');
    taken.push(performance.now() - startedAt);
  }
  taken.sort((a, b) => a - b);
  return Math.round((taken[Math.floor(QUESTIONS / 2)] ?? 0) * 10) / 10;
}

/** Of the whole server, as far as the role may see. */
async function countConnections(client: ClientBase): Promise<{ used: number; limit: number }> {
  const { rows } = await client.query<{ used: number; limit: number }>(
    `select (select sum(numbackends)::int from pg_stat_database) as used,
            current_setting('max_connections')::int as limit`,
  );
  return rows[0] ?? { used: 0, limit: 0 };
}
