import { InvalidArgumentError, Option, type Command } from 'commander';
import { readCommandSecrets } from '../config';
import { addDataSource } from '../tenancy/add-data-source';
import { PLACEMENTS, type Placement } from '../tenancy/registry.store';
import type { SessionStyle } from '../tenancy/transaction-scope';
import { createPrompt } from './prompt';
import { readSourceUrls } from './source-urls';
import { findMasterKeyIds } from '../tenancy/secrets/key-use';
import { createLegacyReader } from '../tenancy/secrets/legacy';
import { registerDistribute } from './distribute.command';
import { registerPreflight } from './preflight.command';
import { registerReconnect } from './reconnect.command';
import { registerSourceCare } from './source-care.commands';
import { formatTable } from './table';
import { withTenancy } from './with-tenancy';

interface AddOptions {
  readonly name: string;
  readonly placement: Placement;
  readonly region?: string;
  readonly poolMax?: number;
  readonly sessionStyle?: SessionStyle;
  /** Commander makes `--no-…` a false of the name without it, and else true. */
  readonly namedStatements: boolean;
}

const MOST_CONNECTIONS = 1000;

const connections = (text: string): number => {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= MOST_CONNECTIONS) return value;
  throw new InvalidArgumentError(`Expected a whole number from 1 to ${MOST_CONNECTIONS}.`);
};

export function registerSources(program: Command): void {
  const sources = program.command('sources').description('The data sources of the registry.');
  sources
    .command('list')
    .description('Lists every data source; without secrets.')
    .action(() => withTenancy(({ tenancy, say }) => list(tenancy, say)));
  sources
    .command('add')
    .description('Migrates a database and enrols it as a data source, if it is safe to serve from.')
    .requiredOption('--name <name>', 'what it is called in the registry')
    .addOption(
      new Option('--placement <placement>', 'who uses it')
        .choices(PLACEMENTS)
        .makeOptionMandatory(),
    )
    .option('--region <region>', 'where it is')
    .option('--pool-max <connections>', 'connections each server process may open', connections)
    .addOption(
      new Option(
        '--session-style <style>',
        'how sessions state their tenant (default: as the database needs it)',
      ).choices(['direct', 'distributed']),
    )
    .option(
      '--no-named-statements',
      'for a pooler that carries no prepared statements (found out by itself)',
    )
    .addHelpText(
      'after',
      '\nThe URLs are secrets and so no arguments: they are read from CLOISTER_SOURCE_URL (the run-time\n' +
        'role) and CLOISTER_SOURCE_MIGRATION_URL (the owner; empty where the owner migrates), or asked for.',
    )
    .action((options: AddOptions) => add(options));
  registerSourceCare(sources);
  registerDistribute(sources);
  registerReconnect(sources);
  registerPreflight(sources);
}

async function list(
  { registry, keys }: Parameters<Parameters<typeof withTenancy>[0]>[0]['tenancy'],
  say: (line: string) => void,
): Promise<void> {
  const [rows, tenants] = await Promise.all([registry.listDataSources(), registry.countTenants()]);
  const masterKeyIds = await findMasterKeyIds(
    keys,
    rows.map(({ urlSealed }) => urlSealed),
  );
  say(
    formatTable(
      ['NAME', 'PLACEMENT', 'STATUS', 'REGION', 'POOL', 'SCHEMA', 'TENANTS', 'KEY', 'MIGRATES'],
      rows.map((row, index) => [
        row.name,
        row.placement,
        row.status,
        row.region,
        `${row.poolMin}-${row.poolMax}`,
        row.schemaVersion ?? '-',
        String(tenants.get(row.id) ?? 0),
        masterKeyIds[index] ?? '-',
        row.migrationUrlSealed === null ? 'its owner' : 'cloister',
      ]),
    ),
  );
}

async function add(options: AddOptions): Promise<void> {
  const { legacyKey } = readCommandSecrets();
  const plain = createLegacyReader(legacyKey);
  const prompt = createPrompt();
  try {
    const { url, migrationUrl } = await readSourceUrls(prompt, 'if the owner migrates');
    await withTenancy(async ({ tenancy, say }) => {
      const { namedStatements, ...rest } = options;
      const { name } = rest;
      const spec = {
        ...rest,
        ...(namedStatements ? {} : { namedStatements }),
        url: plain(url),
        ...(migrationUrl === undefined ? {} : { migrationUrl: plain(migrationUrl) }),
      };
      await addDataSource(tenancy, spec, (migration, done, total) =>
        say(`${name}: ${migration} (${done + 1} of ${total})`),
      );
      say(`The data source "${name}" is enrolled: \`cloister tenants create\` puts tenants there.`);
    });
  } finally {
    prompt.close();
  }
}
