import type { Command } from 'commander';
import { parseConnectionUrl } from '../database/connection-url';
import { assertRegistryIsCurrent } from '../database/schema-state';
import {
  migrateDataSources,
  migrateRegistry,
  type FleetOptions,
  type MigrationOutcome,
} from '../tenancy/migrate-fleet';
import type { DataSourceRow } from '../tenancy/registry.store';
import { CommandFailure } from './command-failure';
import { getTenantBySlug } from './find-tenant';
import { formatTable } from './table';
import { withTenancy, type CommandContext } from './with-tenancy';

interface Options {
  readonly registry?: true;
  readonly all?: true;
  readonly tenant: readonly string[];
  readonly status?: true;
}

const collect = (value: string, before: readonly string[]): string[] => [...before, value];

export function registerMigrate(program: Command): void {
  program
    .command('migrate')
    .option('--all', 'the registry and every data source (what happens when nothing is named)')
    .option('--registry', 'the registry alone')
    .option(
      '--tenant <slug>',
      'the data source of this tenant; may be given several times',
      collect,
      [],
    )
    .option('--status', 'show the versions and change nothing')
    .description('Brings the registry and the data sources to this version’s schema.')
    .action((options: Options) =>
      withTenancy((context) => migrate(context, options), { current: false }),
    );
}

async function migrate(context: CommandContext, options: Options): Promise<void> {
  const { config, tenancy, say, signal } = context;
  const fleet: FleetOptions = {
    signal,
    statusOnly: options.status === true,
    onProgress: (name, migration, done, total) =>
      say(`${name}: ${migration} (${done + 1} of ${total})`),
  };
  const alone = options.registry === true && options.all !== true;
  const outcomes: MigrationOutcome[] = [];
  // Its rows say which data sources there are, so a registry that does not answer ends it here.
  if (options.tenant.length === 0 || options.registry === true || options.all === true) {
    outcomes.push(await migrateRegistry(config, fleet));
  } else {
    await assertRegistryIsCurrent(parseConnectionUrl(config.registry.url));
  }
  if (outcomes.every(({ state }) => state !== 'failed' && state !== 'behind')) {
    const rows =
      alone && options.tenant.length === 0 ? [] : await findDataSources(context, options);
    outcomes.push(...(await migrateDataSources(tenancy, rows, fleet)));
  }
  print(say, outcomes);
  if (outcomes.some(({ fault }) => fault !== null)) throw new CommandFailure();
}

/** Each once, however many of the tenants share it. Retired ones are nobody's any more. */
async function findDataSources(
  { tenancy: { registry } }: CommandContext,
  { tenant: slugs, all }: Options,
): Promise<DataSourceRow[]> {
  const rows = (await registry.listDataSources()).filter(({ status }) => status !== 'retired');
  if (slugs.length === 0 || all === true) return rows;
  const ids = new Set<string | null>();
  for (const slug of slugs) {
    ids.add((await getTenantBySlug(registry, slug)).dataSourceId);
  }
  return rows.filter(({ id }) => ids.has(id));
}

const RESULTS: Readonly<Record<MigrationOutcome['state'], string>> = {
  current: 'up to date',
  migrated: 'migrated',
  behind: 'behind',
  failed: 'FAILED',
};

function print(say: (line: string) => void, outcomes: readonly MigrationOutcome[]): void {
  say(
    formatTable(
      ['DATABASE', 'VERSION', 'APPLIED', 'RESULT'],
      outcomes.map(({ name, version, applied, state }) => [
        name,
        version ?? '-',
        String(applied.length),
        RESULTS[state],
      ]),
    ),
  );
  for (const { name, fault } of outcomes) {
    if (fault !== null)
      say(`${name}: ${[fault.detail, fault.remedy].filter(Boolean).join('\n  ')}`);
  }
}
