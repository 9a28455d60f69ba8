import type { Command } from 'commander';
import { formatTable } from './table';
import { withTenancy } from './with-tenancy';

export function registerTenants(program: Command): void {
  const tenants = program.command('tenants').description('The tenants of the registry.');
  tenants
    .command('list')
    .description('Lists every tenant with its status and data source.')
    .action(() =>
      withTenancy(async ({ tenancy, say }) => {
        const [rows, sources] = await Promise.all([
          tenancy.registry.listTenants(),
          tenancy.registry.listDataSources(),
        ]);
        const nameOf = new Map(sources.map(({ id, name }) => [id, name]));
        say(
          formatTable(
            ['SLUG', 'NAME', 'STATUS', 'PLAN', 'REGION', 'DATA SOURCE', 'ID'],
            rows.map(({ slug, name, status, plan, region, dataSourceId, id }) => [
              slug,
              name,
              status,
              plan,
              region,
              dataSourceId === null ? '(none)' : (nameOf.get(dataSourceId) ?? '(gone)'),
              id,
            ]),
          ),
        );
      }),
    );
}
