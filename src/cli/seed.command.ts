import type { Command } from 'commander';
import { createTenantSeeder } from '../../seeds/tenant-seeder';
import { DEMO_PASSWORD } from '../demo';
import { createEmailRouting } from '../request/create-context';
import { getTenantBySlug } from './find-tenant';
import { withTenancy } from './with-tenancy';

export function registerSeed(program: Command): void {
  program
    .command('seed')
    .description('Fills a tenant with the records of the demo, once.')
    .requiredOption('--tenant <slug>', 'the tenant to fill')
    .action(({ tenant: slug }: { tenant: string }) =>
      withTenancy(async ({ config, tenancy, passwords, say, embedded }) => {
        const tenant = await getTenantBySlug(tenancy.registry, slug);
        const seed = createTenantSeeder({
          tenancy,
          passwords,
          emailRoutingOf: createEmailRouting(tenancy, config.auth.emailIndexKey),
          // A password that everybody knows is for the embedded mode alone.
          ...(embedded ? { password: DEMO_PASSWORD } : {}),
        });
        const seeded = await seed(tenant);
        if (seeded === undefined) {
          say(`The tenant "${slug}" has had the demo's records before: nothing was changed.`);
          return;
        }
        const counts = [...seeded].map(([kind, count]) => `${count} ${kind}`).join(', ');
        say(`The tenant "${slug}" was given ${counts}.`);
        if (!embedded) say('Its demo users have no password: an administrator gives them one.');
      }),
    );
}
