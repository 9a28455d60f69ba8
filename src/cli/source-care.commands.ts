/** `cloister sources test|drain|canary`. */
import type { Command } from 'commander';
import { keysetPages } from '../lib/keyset-pages';
import { actingAs } from '../tenancy/acting-as';
import { DataSourceRefused } from '../tenancy/add-data-source';
import type { DataSourceRow, RegistryStore, TenantRow } from '../tenancy/registry.store';
import { testDataSource, type DataSourceTest } from '../tenancy/test-data-source';
import { CommandFailure } from './command-failure';
import { getSource } from './find-source';
import { printJsonList } from './print-pages';
import { formatTable } from './table';
import { withTenancy, type CommandContext } from './with-tenancy';

const ACTOR = 'command-line';

interface DrainOptions {
  readonly undo?: true;
  readonly retire?: true;
  readonly json?: true;
}

export function registerSourceCare(sources: Command): void {
  sources
    .command('test [name]')
    .description(
      'Connects to a data source, or to all, and says how long it took and what is wrong.',
    )
    .option('--json', 'for machines')
    .action((name: string | undefined, { json = false }: { json?: boolean }) =>
      withTenancy((context) => test(context, name, json)),
    );
  sources
    .command('drain <name>')
    .description('Takes no new tenants into a data source, and says how to empty it.')
    .option('--undo', 'takes new tenants again')
    .option('--retire', 'takes it out of the fleet, once it is empty')
    .option('--json', 'for machines')
    .action((name: string, options: DrainOptions) =>
      withTenancy((context) => drain(context, name, options)),
    );
  sources
    .command('canary <name>')
    .description('Migrates a data source before the others, which wait for it to succeed.')
    .option('--off', 'migrates it with the others')
    .action((name: string, { off = false }: { off?: boolean }) =>
      withTenancy(async ({ tenancy, say }) => {
        const { id } = await getSource(tenancy.registry, name);
        await actingAs(tenancy.registryDb, ACTOR, async (_registry, trx) => {
          await trx('registry.data_sources').where('id', id).update({ canary: !off });
        });
        say(`"${name}" is ${off ? 'no canary any more' : 'a canary: it is migrated first'}.`);
      }),
    );
}

async function test(
  { tenancy, say }: CommandContext,
  name: string | undefined,
  json: boolean,
): Promise<void> {
  const rows =
    name === undefined
      ? (await tenancy.registry.listDataSources()).filter(({ status }) => status !== 'retired')
      : [await getSource(tenancy.registry, name)];
  const tests: DataSourceTest[] = [];
  // One after another: side by side each would be slower for the others.
  for (const row of rows) tests.push(await testDataSource(tenancy, row));
  if (json) say(JSON.stringify(tests, null, 2));
  else print(say, tests);
  if (tests.some(({ ok }) => !ok)) throw new CommandFailure();
}

function print(say: (line: string) => void, tests: readonly DataSourceTest[]): void {
  const ms = (value: number | null): string => (value === null ? '-' : `${value} ms`);
  say(
    formatTable(
      ['NAME', 'RESULT', 'CONNECT', 'QUERY', 'POSTGRES', 'TLS', 'CONNECTIONS', 'SCHEMA'],
      tests.map((each) => [
        each.name,
        each.ok ? 'ok' : 'FAILED',
        ms(each.connectMs),
        ms(each.queryMs),
        each.serverVersion ?? '-',
        each.tls === null ? '-' : each.tls ? 'yes' : 'no',
        each.connections === null ? '-' : `${each.connections.used} of ${each.connections.limit}`,
        each.schemaVersion ?? '-',
      ]),
    ),
  );
  for (const { name, problems } of tests) {
    for (const { reason, detail, remedy } of problems)
      say(`${name}: ${reason}: ${detail}\n  ${remedy}`);
  }
}

async function drain(
  { tenancy, say, signal }: CommandContext,
  name: string,
  { undo, retire, json }: DrainOptions,
): Promise<void> {
  const source = await getSource(tenancy.registry, name);
  const count = (await tenancy.registry.countTenants()).get(source.id) ?? 0;
  if (retire === true && count > 0) {
    throw new DataSourceRefused(
      `Expected an empty data source, but ${count} tenants are in "${name}": move them first; \`cloister sources drain ${name}\` says how.`,
    );
  }
  const status = retire === true ? 'retired' : undo === true ? 'active' : 'draining';
  await actingAs(tenancy.registryDb, ACTOR, (registry) =>
    registry.updateDataSource(source.id, { status }),
  );
  const slugs = slugsIn(tenancy.registry, source.id, signal);
  if (json === true) {
    say(`{\n  "name": ${JSON.stringify(name)},\n  "status": "${status}",`);
    await printJsonList(say, slugs, { indent: '  ', opening: '"tenants": ' });
    return say('}');
  }
  say(`The data source "${name}" is ${status}.`);
  if (status !== 'draining') return;
  if (count === 0) {
    return say(`Nobody is in it: \`cloister sources drain ${name} --retire\` takes it out.`);
  }
  const target = await findTarget(tenancy.registry, source);
  say(`${count} tenants are in it and go on as before. These commands empty it:`);
  for await (const page of slugs) {
    say(page.map((slug) => `  cloister move ${slug} --to ${target}`).join('\n'));
  }
}

async function* slugsIn(
  registry: Pick<RegistryStore, 'listTenants'>,
  dataSourceId: string,
  signal: AbortSignal,
): AsyncGenerator<readonly string[]> {
  const pages = keysetPages<TenantRow>(
    (last, limit) => registry.listTenants({ dataSourceId, after: last?.slug, limit }),
    { signal },
  );
  for await (const rows of pages) yield rows.map(({ slug }) => slug);
}

/** A place of the same kind and region, if there is one. */
async function findTarget(
  registry: Pick<RegistryStore, 'listDataSources'>,
  { id, placement, region }: DataSourceRow,
): Promise<string> {
  const fitting = (await registry.listDataSources()).filter(
    (row) => row.id !== id && row.status === 'active' && row.placement === placement,
  );
  return (fitting.find((row) => row.region === region) ?? fitting[0])?.name ?? '<data source>';
}
