import { Option, type Command } from 'commander';
import { readCommandSecrets } from '../config';
import {
  addPhoneNumber,
  generateWebhookSecret,
  pagesOfPhoneNumbers,
  removePhoneNumber,
} from '../tenancy/routes/phone-numbers';
import { SIGNING_SCHEMES, type SigningScheme } from '../tenancy/routes/routes.store';
import { getTenantBySlug } from './find-tenant';
import { printTable } from './print-pages';
import { createPrompt, secretFrom } from './prompt';
import { withSlugs } from './with-slugs';
import { withTenancy } from './with-tenancy';

const ACTOR = 'command-line';

interface AddOptions {
  readonly tenant: string;
  readonly scheme: SigningScheme;
  readonly move?: boolean;
  readonly generateSecret?: boolean;
}

export function registerNumbers(program: Command): void {
  const numbers = program
    .command('numbers')
    .description('Telephone numbers whose messages come in to tenants.');
  numbers
    .command('list')
    .description('Lists every number with its tenant; without secrets.')
    .action(() =>
      withTenancy(async ({ tenancy, say, signal }) => {
        const pages = pagesOfPhoneNumbers(tenancy, { signal });
        const heading = ['NUMBER', 'TENANT', 'SCHEME', 'SINCE'];
        await printTable(say, heading, withSlugs(tenancy.registry, pages), (row) => [
          row.number,
          row.slug,
          row.scheme,
          row.createdAt.toISOString().slice(0, 10),
        ]);
      }),
    );
  numbers
    .command('add')
    .description('Gives a number to a tenant, or gives one that it has another secret.')
    .argument('<number>', 'in E.164 form, such as +431234567')
    .requiredOption('--tenant <slug>', 'whose it is')
    .addOption(
      new Option('--scheme <scheme>', 'how its messages are signed')
        .choices(SIGNING_SCHEMES)
        .makeOptionMandatory(),
    )
    .option('--move', 'take it from the tenant that has it')
    .option('--generate-secret', 'make a secret and show it, once')
    .addHelpText(
      'after',
      '\nThe secret that the provider signs with (of Twilio the auth token) is read from\n' +
        'CLOISTER_NUMBER_SECRET, or asked for.',
    )
    .action((number: string, options: AddOptions) => add(number, options));
  numbers
    .command('remove')
    .description('Takes a number away: messages for it are refused from then on.')
    .argument('<number>', 'in E.164 form')
    .action((number: string) =>
      withTenancy(async ({ tenancy, say }) => {
        await removePhoneNumber(tenancy, number, ACTOR);
        say(`${number} is nobody’s any more.`);
      }),
    );
}

async function add(number: string, options: AddOptions): Promise<void> {
  const { tenant: slug, scheme, move = false, generateSecret = false } = options;
  const prompt = createPrompt();
  try {
    const secret = generateSecret
      ? generateWebhookSecret()
      : await secretFrom(readCommandSecrets().numberSecret, 'Secret (not shown): ', prompt);
    await withTenancy(async ({ tenancy, say }) => {
      const { id: tenantId } = await getTenantBySlug(tenancy.registry, slug);
      await addPhoneNumber(tenancy, { tenantId, number, scheme, secret, move }, ACTOR);
      say(`${number} leads to ${slug}: let its messages be sent to /webhooks/sms/${scheme}.`);
      if (generateSecret) say(`The secret, which is not shown again: ${secret}`);
    });
  } finally {
    prompt.close();
  }
}
