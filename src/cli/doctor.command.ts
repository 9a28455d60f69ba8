import type { Command } from 'commander';
import { parseConnectionUrl } from '../database/connection-url';
import { settleAll } from '../lib/settle-all';
import { reportConnection, type ConnectionReport } from '../tenancy/connection-report';
import { reportRegistry, type RegistryReport } from '../tenancy/registry-report';
import type { TenantRow } from '../tenancy/registry.store';
import { CommandFailure } from './command-failure';
import { formatRegistry, formatReport } from './doctor.format';
import { getTenantBySlug } from './find-tenant';
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
  const tenants = registry.ok ? await findTenants(context, slug) : [];
  const reports = (
    await settleAll(tenants, AT_ONCE, (tenant) => reportConnection(tenancy, tenant))
  ).flatMap((settled) => (settled.status === 'fulfilled' ? [settled.value] : []));
  if (json === true) say(JSON.stringify({ registry, tenants: reports }, null, 2));
  else print(say, registry, reports, slug !== undefined);
  if (!registry.ok || reports.some(({ ok }) => !ok)) throw new CommandFailure();
}

async function findTenants(
  { tenancy: { registry } }: CommandContext,
  slug: string | undefined,
): Promise<TenantRow[]> {
  return slug === undefined ? registry.listTenants() : [await getTenantBySlug(registry, slug)];
}

function print(
  say: (line: string) => void,
  registry: RegistryReport,
  reports: readonly ConnectionReport[],
  inDetail: boolean,
): void {
  for (const line of formatRegistry(registry)) say(line);
  for (const report of reports) {
    for (const line of formatReport(report, inDetail)) say(line);
  }
  const failed = reports.filter(({ ok }) => !ok).length;
  if (!inDetail && registry.ok) {
    say(`${reports.length} tenant(s), ${failed === 0 ? 'none' : failed} with a problem.`);
  }
}
