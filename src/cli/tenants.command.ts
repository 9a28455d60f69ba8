import type { Command } from 'commander';
import { readCommandSecrets } from '../config';
import { createTenant } from '../platform/create-tenant';
import { createPrompt, secretFrom } from './prompt';
import { registerTenantData } from './tenant-data.commands';
import { registerTenantLife } from './tenant-life.commands';
import { registerTenantShow } from './tenant-show.command';
import { registerTenantsList } from './tenants-list.command';
import { withTenancy } from './with-tenancy';

export function registerTenants(program: Command): void {
  const tenants = program.command('tenants').description('The tenants of the registry.');
  registerTenantsList(tenants);
  tenants
    .command('create')
    .description('Creates a tenant in a data source, with its first admin.')
    .requiredOption('--slug <slug>', 'the short name it is addressed by')
    .requiredOption('--name <name>', 'what the organisation is called')
    .requiredOption('--source <name>', 'the data source that its data goes to')
    .option('--tenant-id-in-data-source <uuid>', 'what it is called there, if it was there first')
    .requiredOption('--admin-email <address>', 'who signs in first')
    .addHelpText(
      'after',
      '\nThe admin’s password is read from CLOISTER_ADMIN_PASSWORD, or asked for.',
    )
    .action((options: CreateOptions) => create(options));
  registerTenantShow(tenants);
  registerTenantLife(tenants);
  registerTenantData(tenants);
}

interface CreateOptions {
  readonly slug: string;
  readonly name: string;
  readonly source: string;
  readonly tenantIdInDataSource?: string;
  readonly adminEmail: string;
}

async function create({ adminEmail, ...spec }: CreateOptions): Promise<void> {
  const prompt = createPrompt();
  try {
    const question = `Password of ${adminEmail} (not shown): `;
    const password = await secretFrom(readCommandSecrets().adminPassword, question, prompt);
    await withTenancy(async ({ config, tenancy, passwords, say }) => {
      const { emailIndexKey } = config.auth;
      const admin = { email: adminEmail, password };
      const id = await createTenant({ tenancy, passwords, emailIndexKey }, { ...spec, admin });
      say(`The tenant "${spec.slug}" (${id}) is ready: ${adminEmail} can sign in.`);
    });
  } finally {
    prompt.close();
  }
}
