import type { Command } from 'commander';
import { invalidateEverything, invalidateTenant } from '../tenancy/invalidate';
import { CommandFailure } from './command-failure';
import { getTenantBySlug } from './find-tenant';
import { withTenancy } from './with-tenancy';

export function registerInvalidate(program: Command): void {
  program
    .command('invalidate')
    .description('Makes every server process read a tenant’s configuration and connect anew.')
    .argument('[tenant]', 'its slug')
    .option('--all', 'every tenant and data source')
    .action((slug: string | undefined, { all = false }: { all?: boolean }) =>
      withTenancy(async ({ tenancy: { registry }, say }) => {
        if (slug === undefined && !all) {
          say('Expected a tenant’s slug, or --all.');
          throw new CommandFailure();
        }
        if (slug === undefined) {
          await invalidateEverything(registry);
          say('Every process looks at every tenant and data source anew.');
          return;
        }
        await invalidateTenant(registry, await getTenantBySlug(registry, slug));
        say(`Every process looks at ${slug} and its data source anew.`);
      }),
    );
}
