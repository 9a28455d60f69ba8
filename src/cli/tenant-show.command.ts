/** `cloister tenants show`: everything about a tenant that is no secret. */
import type { Command } from 'commander';
import { reportTenant, type TenantReport } from '../platform/tenant-report';
import { getTenantBySlug } from './find-tenant';
import { formatTable } from './table';
import { withTenancy } from './with-tenancy';

interface Options {
  readonly counts?: boolean;
  readonly json?: true;
}

export function registerTenantShow(tenants: Command): void {
  tenants
    .command('show <slug>')
    .description('Shows everything about a tenant but secrets.')
    .option('--counts', 'count its rows, table by table')
    .option('--json', 'for machines')
    .action((slug: string, { counts = false, json }: Options) =>
      withTenancy(async ({ tenancy, say }) => {
        const tenant = await getTenantBySlug(tenancy.registry, slug);
        const report = await reportTenant(tenancy, tenant, { countRows: counts });
        say(json === true ? JSON.stringify(report, null, 2) : format(report));
      }),
    );
}

const moment = (at: Date | null): string => at?.toISOString() ?? '-';
const listed = (values: readonly string[]): string => values.join(', ') || '-';

function format(report: TenantReport): string {
  const { dataSource: source } = report;
  const place =
    source === null
      ? 'none'
      : `${source.name}, ${source.placement}, ${source.status}, region ${source.region}, schema ${source.schemaVersion ?? 'not known'}`;
  const lines: [string, string][] = [
    ['tenant', `${report.slug} "${report.name}"`],
    ['id', report.id],
    ['status', [report.status, report.statusReason].filter(Boolean).join(': ')],
    ['since', moment(report.statusChangedAt)],
    ['plan', `${report.plan}, subscription ${report.subscriptionStatus}`],
    ['trial ends', moment(report.trialEndsAt)],
    ['limits', JSON.stringify(report.limitOverrides)],
    ['region', report.region],
    ['data source', place],
    ['id there', source?.tenantId ?? '-'],
    ['addresses', `${report.emails} e-mail addresses sign in`],
    ['host names', listed(report.hostnames)],
    ['numbers', listed(report.phoneNumbers)],
    ['created', moment(report.createdAt)],
    ['last access', moment(report.lastAccessedAt)],
    ['notes', report.notes || '-'],
  ];
  const words = lines.map(([name, value]) => `${name.padEnd(13)}${value}`).join('\n');
  if (report.rows === undefined) return words;
  const rows = Object.entries(report.rows).map(([name, count]) => [name, String(count)]);
  return `${words}\n${formatTable(['TABLE', 'ROWS'], rows)}`;
}
