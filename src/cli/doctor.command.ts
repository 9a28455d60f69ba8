import type { Command } from 'commander';
import { parseConnectionUrl } from '../database/connection-url';
import { keysetPages } from '../lib/keyset-pages';
import { settleAll } from '../lib/settle-all';
import { reportConnection, type ConnectionReport } from '../tenancy/connection-report';
import { reportRegistry, type RegistryReport } from '../tenancy/registry-report';
import type { TenantRow } from '../tenancy/registry.store';
import { CommandFailure } from './command-failure';
import { formatRegistry, formatReport } from './doctor.format';
import { getTenantBySlug } from './find-tenant';
import { formatJson, printJsonList } from './print-pages';
import { withTenancy, type CommandContext } from './with-tenancy';

interface Options {
  readonly all?: true;
  readonly json?: true;
}

/** Reports wait for servers, not for us; the bound is for the sockets. */
const AT_ONCE = 16;

export function registerDoctor(program: Command): void {
  program
    .command('doctor')
    .argument('[tenant]', 'slug of one tenant, looked at in detail')
    .option('--all', 'look at every tenant (what happens anyway when none is named)')
    .option('--json', 'print the reports as JSON')
    .description('Says whether the registry and the tenants’ data sources are reachable and safe.')
    .action((slug: string | undefined, options: Options) =>
      withTenancy((context) => examine(context, options.all === true ? undefined : slug, options), {
        current: false,
      }),
    );
}

async function examine(
  context: CommandContext,
  slug: string | undefined,
  { json }: Options,
): Promise<void> {
  const { config, tenancy, say } = context;
  const registry = await reportRegistry(parseConnectionUrl(config.registry.url));
  const inDetail = slug !== undefined;
  const tally = { tenants: 0, failed: 0 };
  let tenants: TenantPages = [];
  if (registry.ok) {
    tenants = inDetail ? [[await getTenantBySlug(tenancy.registry, slug)]] : everyTenant(context);
  }
  const pages = counted(reportPages(context, tenants), tally);
  if (json === true) await printJson(say, registry, pages);
  else await print(say, registry, pages, inDetail);
  if (json !== true && !inDetail && registry.ok) {
    say(
      `${tally.tenants} tenant(s), ${tally.failed === 0 ? 'none' : tally.failed} with a problem.`,
    );
  }
  if (!registry.ok || tally.failed > 0) throw new CommandFailure();
}

type TenantPages = Iterable<readonly TenantRow[]> | AsyncIterable<readonly TenantRow[]>;
type ReportPages = AsyncIterable<readonly ConnectionReport[]>;

const everyTenant = ({ tenancy: { registry }, signal }: CommandContext): TenantPages =>
  keysetPages<TenantRow>((last, limit) => registry.listTenants({ after: last?.slug, limit }), {
    signal,
  });

async function* reportPages({ tenancy, signal }: CommandContext, pages: TenantPages): ReportPages {
  for await (const tenants of pages) {
    const reports = await settleAll(tenants, AT_ONCE, async (tenant) => {
      signal.throwIfAborted();
      return reportConnection(tenancy, tenant);
    });
    signal.throwIfAborted();
    yield reports.flatMap((report) => (report.status === 'fulfilled' ? [report.value] : []));
  }
}

async function* counted(
  pages: ReportPages,
  tally: { tenants: number; failed: number },
): ReportPages {
  for await (const reports of pages) {
    tally.tenants += reports.length;
    tally.failed += reports.filter(({ ok }) => !ok).length;
    yield reports;
  }
}

async function print(
  say: (line: string) => void,
  registry: RegistryReport,
  pages: ReportPages,
  inDetail: boolean,
): Promise<void> {
  for (const line of formatRegistry(registry)) say(line);
  for await (const reports of pages) {
    for (const report of reports) {
      for (const line of formatReport(report, inDetail)) say(line);
    }
  }
}

async function printJson(
  say: (line: string) => void,
  registry: RegistryReport,
  pages: ReportPages,
): Promise<void> {
  say(`{\n  "registry": ${formatJson(registry, '  ').trimStart()},`);
  await printJsonList(say, pages, { indent: '  ', opening: '"tenants": ' });
  say('}');
}
