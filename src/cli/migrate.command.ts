import { hostname, userInfo } from 'node:os';
import type { Command } from 'commander';
import { LOCK_ATTEMPTS } from '../database/apply-migrations';
import { parseConnectionUrl } from '../database/connection-url';
import { assertRegistryIsCurrent } from '../database/schema-state';
import { settleAll } from '../lib/settle-all';
import { runFleet, type FleetReport } from '../tenancy/fleet-run';
import { createFleetRunsStore } from '../tenancy/fleet-runs.store';
import {
  lookAtDataSource,
  lookAtRegistry,
  migrateOne,
  migrateRegistry,
  type MigrationOutcome,
} from '../tenancy/migrate-fleet';
import type { DataSourceRow } from '../tenancy/registry.store';
import { CommandFailure } from './command-failure';
import { getTenantBySlug } from './find-tenant';
import { describeProgress, printOutcomes, printPlan, type Seen } from './migrate.format';
import { wholeNumber } from './whole-number';
import { withTenancy, type CommandContext } from './with-tenancy';

interface Options {
  readonly registry?: true;
  readonly all?: true;
  readonly tenant: readonly string[];
  readonly status?: true;
  readonly dryRun?: true;
  readonly rehearse?: true;
  readonly canary: readonly string[];
  readonly parallel: number;
  readonly maxFailures: number;
  readonly lockAttempts: number;
  readonly json?: true;
}

const collect = (value: string, before: readonly string[]): string[] => [...before, value];

export function registerMigrate(program: Command): void {
  program
    .command('migrate')
    .option('--all', 'the registry and every data source (what happens when nothing is named)')
    .option('--registry', 'the registry alone')
    .option('--tenant <slug>', 'the data source of this tenant; may be repeated', collect, [])
    .option('--status', 'show versions and last failures, and change nothing')
    .option('--dry-run', 'show what would be run where, and change nothing')
    .option(
      '--rehearse',
      'run what is pending in each data source and take it back: finds what would fail, and holds the locks meanwhile',
    )
    .option(
      '--canary <source>',
      'a data source to go first, beside those marked; may be repeated',
      collect,
      [],
    )
    .option('--parallel <n>', 'data sources at once', wholeNumber(1, 64), 4)
    .option(
      '--max-failures <n>',
      'data sources that may fail before nothing else is begun',
      wholeNumber(0, 1_000_000),
      10,
    )
    .option(
      '--lock-attempts <n>',
      'how often a migration tries to get its locks, for a fifth of a second each time',
      wholeNumber(1, 1000),
      LOCK_ATTEMPTS,
    )
    .option('--json', 'the outcome for machines')
    .description('Brings the registry and the data sources to this version’s schema.')
    .action((options: Options) =>
      withTenancy((context) => migrate(context, options), { current: false }),
    );
}

async function migrate(context: CommandContext, options: Options): Promise<void> {
  const { config, say, tenancy } = context;
  const changes = !(options.status ?? options.dryRun ?? options.rehearse ?? false);
  const outcomes: MigrationOutcome[] = [];
  // Its rows say which data sources there are, so a registry that does not answer ends it here.
  if (options.tenant.length === 0 || options.registry === true || options.all === true) {
    outcomes.push(
      changes
        ? await migrateRegistry(config, { onProgress: tell(context, options) })
        : await lookAtRegistry(config),
    );
  } else {
    await assertRegistryIsCurrent(parseConnectionUrl(config.registry.url));
  }
  let report: FleetReport | undefined;
  let seen: Seen | undefined;
  if (outcomes.every(({ state }) => state === 'current' || state === 'migrated')) {
    const rows = await findDataSources(context, options);
    if (changes) report = await run(context, options, rows);
    else {
      outcomes.push(...(await look(context, options, rows)));
      const lastResults = await createFleetRunsStore(tenancy.registryDb).listLastResults();
      seen = { dataSources: rows, lastResults };
    }
  }
  outcomes.push(...(report?.outcomes ?? []));
  const format = options.dryRun === true ? printPlan : printOutcomes;
  format(say, { outcomes, report, seen, json: options.json === true });
  const failed =
    outcomes.some(({ fault }) => fault !== null) || (report?.stoppedBecause ?? null) !== null;
  if (failed && options.dryRun !== true) throw new CommandFailure();
}

/** Lines for people, which a machine's answer must not hold. */
const tell =
  ({ say }: CommandContext, { json }: Options) =>
  (name: string, migration: string, done: number, total: number): void => {
    if (json !== true) say(`${name}: ${migration} (${done + 1} of ${total})`);
  };

async function run(
  context: CommandContext,
  options: Options,
  rows: readonly DataSourceRow[],
): Promise<FleetReport | undefined> {
  const { config, tenancy, signal, say } = context;
  if (rows.length === 0) return undefined;
  return runFleet(tenancy, rows, {
    config,
    signal,
    startedBy: `${userInfo().username}@${hostname()} (process ${process.pid})`,
    canaries: new Set(options.canary),
    parallel: options.parallel,
    maxFailures: options.maxFailures,
    lockAttempts: options.lockAttempts,
    onProgress: tell(context, options),
    onLockWait: (name, migration, attempt, attempts) => {
      if (options.json === true) return;
      say(`${name}: ${migration} waits for locks (attempt ${attempt} of ${attempts})`);
    },
    onOutcome: (outcome, progress) => {
      if (options.json !== true && outcome.state !== 'current') {
        say(describeProgress(outcome, progress));
      }
    },
  });
}

async function look(
  { tenancy, signal }: CommandContext,
  options: Options,
  rows: readonly DataSourceRow[],
): Promise<MigrationOutcome[]> {
  const settled = await settleAll(rows, options.parallel, async (row) => {
    signal.throwIfAborted();
    return options.rehearse === true
      ? migrateOne(tenancy, row, { rehearse: true, lockAttempts: 1, signal })
      : lookAtDataSource(tenancy, row);
  });
  return settled.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

/** Each once, however many of the tenants share it. Retired ones are nobody's any more. */
async function findDataSources(
  { tenancy: { registry } }: CommandContext,
  { tenant: slugs, all, registry: alone }: Options,
): Promise<DataSourceRow[]> {
  if (alone === true && all !== true && slugs.length === 0) return [];
  const rows = (await registry.listDataSources()).filter(({ status }) => status !== 'retired');
  if (slugs.length === 0 || all === true) return rows;
  const ids = new Set<string | null>();
  for (const slug of slugs) {
    ids.add((await getTenantBySlug(registry, slug)).dataSourceId);
  }
  return rows.filter(({ id }) => ids.has(id));
}
