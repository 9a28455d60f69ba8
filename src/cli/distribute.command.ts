/** `cloister sources distribute|style`: for a data source that is a Citus cluster. */
import { Argument, type Command } from 'commander';
import { actingAs } from '../tenancy/acting-as';
import { distributeDataSource } from '../tenancy/distribute-data-source';
import type { SessionStyle } from '../tenancy/transaction-scope';
import { getSource } from './find-source';
import { withTenancy } from './with-tenancy';

const ACTOR = 'command-line';

export function registerDistribute(sources: Command): void {
  sources
    .command('distribute <name>')
    .description('Spreads the tables over the servers of a Citus cluster; nobody writes meanwhile.')
    .action((name: string) =>
      withTenancy(async ({ tenancy, say }) => {
        const source = await getSource(tenancy.registry, name);
        const tables = await distributeDataSource(tenancy, source, { actor: ACTOR });
        for (const table of tables) say(`${table.name}: ${table.kind}`);
        say(
          tables.length === 0
            ? `Every table of "${name}" is distributed already.`
            : `${tables.length} tables of "${name}" are distributed by tenant_id.`,
        );
      }),
    );
  sources
    .command('style <name>')
    .description('Sets how sessions of a data source state their tenant.')
    .addArgument(new Argument('<style>').choices(['direct', 'distributed']))
    .action((name: string, style: SessionStyle) =>
      withTenancy(async ({ tenancy, say }) => {
        const { id } = await getSource(tenancy.registry, name);
        await actingAs(tenancy.registryDb, ACTOR, (registry) =>
          registry.updateDataSource(id, { sessionStyle: style }),
        );
        say(`Sessions of "${name}" state their tenant in the ${style} style.`);
      }),
    );
}
