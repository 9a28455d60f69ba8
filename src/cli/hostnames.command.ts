import type { Command } from 'commander';
import { hostnamesDeps } from '../request/tenant-hostnames';
import {
  addHostname,
  pagesOfHostnames,
  proofOf,
  recheckHostnames,
  removeHostname,
  verifyHostname,
} from '../tenancy/routes/hostnames';
import { getTenantBySlug } from './find-tenant';
import { printTable } from './print-pages';
import { withSlugs } from './with-slugs';
import { withTenancy, type CommandContext } from './with-tenancy';

const ACTOR = 'command-line';

interface TenantOption {
  readonly tenant: string;
}

const depsOf = ({ tenancy, config }: CommandContext) => hostnamesDeps(tenancy, config.http);

async function claimOf(
  { tenancy }: CommandContext,
  hostname: string,
  { tenant }: TenantOption,
): Promise<{ readonly tenantId: string; readonly hostname: string }> {
  return { tenantId: (await getTenantBySlug(tenancy.registry, tenant)).id, hostname };
}

export function registerHostnames(program: Command): void {
  const hostnames = program
    .command('hostnames')
    .description('Host names of tenants’ own, under which their people sign in.');
  hostnames
    .command('list')
    .description('Lists every name that was claimed.')
    .action(() => withTenancy(list));
  hostnames
    .command('add')
    .description('Claims a name for a tenant and says what its domain has to publish.')
    .argument('<hostname>')
    .requiredOption('--tenant <slug>', 'whose it is')
    .action((hostname: string, option: TenantOption) =>
      withTenancy(async (context) => {
        const claim = await claimOf(context, hostname, option);
        const row = await addHostname(depsOf(context), claim, ACTOR);
        const { recordName, recordValue } = proofOf(row);
        context.say(`${row.hostname} is claimed. To prove it, its domain publishes`);
        context.say(`  ${recordName}. TXT "${recordValue}"`);
        context.say(
          `and then \`cloister hostnames verify ${row.hostname} --tenant ${option.tenant}\``,
        );
      }),
    );
  hostnames
    .command('verify')
    .description('Looks for the proof of a claimed name and, where it is, puts the name into use.')
    .argument('<hostname>')
    .requiredOption('--tenant <slug>', 'whose it is')
    .action((hostname: string, option: TenantOption) =>
      withTenancy(async (context) => {
        const claim = await claimOf(context, hostname, option);
        const row = await verifyHostname(depsOf(context), claim, ACTOR);
        context.say(`${row.hostname} leads to ${option.tenant}.`);
      }),
    );
  hostnames
    .command('remove')
    .description('Gives a name up.')
    .argument('<hostname>')
    .requiredOption('--tenant <slug>', 'whose it is')
    .action((hostname: string, option: TenantOption) =>
      withTenancy(async (context) => {
        await removeHostname(depsOf(context), await claimOf(context, hostname, option), ACTOR);
        context.say(`${hostname} leads nowhere any more.`);
      }),
    );
  hostnames
    .command('recheck')
    .description('Looks again for the proof of every verified name, as the daily job does.')
    .action(() =>
      withTenancy(async (context) => {
        const { checked, lost } = await recheckHostnames(depsOf(context), context.signal);
        context.say(`${checked} looked at, ${lost.length} lost${lost.length === 0 ? '' : ':'}`);
        for (const hostname of lost) context.say(`  ${hostname}`);
      }),
    );
}

async function list(context: CommandContext): Promise<void> {
  const { tenancy, say, signal } = context;
  const pages = pagesOfHostnames(tenancy, { signal });
  const heading = ['HOST NAME', 'TENANT', 'VERIFIED', 'FAILED CHECKS'];
  await printTable(say, heading, withSlugs(tenancy.registry, pages), (row) => [
    row.hostname,
    row.slug,
    row.verifiedAt?.toISOString().slice(0, 10) ?? 'no',
    String(row.failedChecks),
  ]);
}
