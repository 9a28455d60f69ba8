/** The doctor's reports as lines for a terminal. */
import type {
  ConnectionCheck,
  ConnectionInfo,
  ConnectionReport,
} from '../tenancy/connection-report';
import type { RegistryReport } from '../tenancy/registry-report';

const MARKS = { passed: 'ok  ', failed: 'FAIL', skipped: '-   ' } as const;
const NAME_WIDTH = 12;

const MEANING: Readonly<Record<ConnectionCheck['name'], string>> = {
  registry: 'the registry answers',
  dataSource: 'a data source is assigned',
  decrypt: 'its credentials open',
  connect: 'it lets us in',
  role: 'its role cannot step around row-level security',
  policies: 'every table is guarded (FORCE ROW LEVEL SECURITY, policy)',
  schema: 'its schema is one that this version serves',
  tenant: 'the tenant is known there',
  query: 'its rows can be read',
};

const address = ({ host, port, database, user }: ConnectionInfo): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}/${database} as ${user}`;

const server = ({ version, tls }: { readonly version: string; readonly tls: boolean }): string =>
  `Postgres ${version}, TLS ${tls ? 'yes' : 'no'}`;

export function formatRegistry(report: RegistryReport): string[] {
  const { connection, server: found, schemaVersion, problems, warnings } = report;
  const facts = [
    address(connection),
    ...(found === null ? [] : [server(found), `connected in ${found.connectMs} ms`]),
    `schema ${schemaVersion ?? 'unknown'}`,
  ];
  return [
    `${report.ok ? 'ok  ' : 'FAIL'}  ${'registry'.padEnd(NAME_WIDTH)}  ${facts.join(', ')}`,
    ...problems.flatMap(({ reason, detail, remedy }) => [
      `      ${reason}: ${detail}`,
      `      ${remedy}`,
    ]),
    ...warnings.map((warning) => `      Warning: ${warning}`),
  ];
}

export function formatReport(report: ConnectionReport, inDetail: boolean): string[] {
  return inDetail ? formatInDetail(report) : formatShortly(report);
}

function formatShortly(report: ConnectionReport): string[] {
  const { tenant, ok, dataSource, connection, server: found, schemaVersion, checks } = report;
  const facts = [
    ...(dataSource === null
      ? []
      : [`${dataSource.name} (${dataSource.placement}, ${dataSource.region})`]),
    ...(connection === null ? [] : [address(connection)]),
    ...(found === null ? [] : [server(found), `connected in ${found.connectMs} ms`]),
    ...(schemaVersion === null ? [] : [`schema ${schemaVersion}`]),
  ];
  return [
    `${ok ? 'ok  ' : 'FAIL'}  ${tenant.slug.padEnd(NAME_WIDTH)}  ${facts.join(', ')}`,
    ...checks.filter(({ status }) => status === 'failed').flatMap(faultLines),
  ];
}

function formatInDetail(report: ConnectionReport): string[] {
  const {
    tenant,
    dataSource,
    connection,
    server: found,
    schemaVersion,
    expectedSchemaVersion,
  } = report;
  const facts: readonly (readonly [string, string])[] = [
    ['tenant', `${tenant.slug} "${tenant.name}", ${tenant.status}, region ${tenant.region}`],
    ...(dataSource === null
      ? []
      : [
          [
            'data source',
            `${dataSource.name}, ${dataSource.placement}, ${dataSource.status}, region ${dataSource.region}`,
          ] as const,
          [
            'pool',
            `${dataSource.poolMin} to ${dataSource.poolMax} connections, session style ${dataSource.sessionStyle}, prepared statements ${dataSource.namedStatements ? 'yes' : 'no'}`,
          ] as const,
          ['key', dataSource.keyId] as const,
        ]),
    ...(connection === null
      ? []
      : [['address', `${address(connection)}, TLS mode ${connection.tls}`] as const]),
    ...(found === null
      ? []
      : [
          ['server', server(found)] as const,
          ['latency', `${found.connectMs} ms to connect, ${found.queryMs} ms a query`] as const,
        ]),
    ...(expectedSchemaVersion === null
      ? []
      : [['schema', `${schemaVersion ?? 'none'} (expected ${expectedSchemaVersion})`] as const]),
  ];
  return [
    '',
    ...facts.map(([name, value]) => `${name.padEnd(NAME_WIDTH)}  ${value}`),
    '',
    ...report.checks.flatMap((check) => [
      `${MARKS[check.status]}  ${check.name.padEnd(NAME_WIDTH)}  ${MEANING[check.name]}`,
      ...(check.status === 'failed' ? faultLines(check) : []),
    ]),
  ];
}

const faultLines = ({ name, reason, detail, remedy }: ConnectionCheck): string[] => [
  `      ${name}: ${reason ?? ''}, ${detail ?? ''}`,
  `      ${remedy ?? ''}`,
];
