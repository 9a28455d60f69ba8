/** `cloister tenants export|import|erase`. */
import { writeFile } from 'node:fs/promises';
import { Option, type Command } from 'commander';
import { eraseTenant } from '../platform/erasure/erase-tenant';
import { exportTenant } from '../platform/export/export-tenant';
import { importExport } from '../platform/export/import-tenant';
import { replaceTenantRows } from '../platform/export/replace-rows';
import { TenantRefused } from '../platform/create-tenant';
import { enrolTenant } from '../tenancy/provision';
import type { TenantRow } from '../tenancy/registry.store';
import { confirm } from './confirm';
import { getTenantBySlug } from './find-tenant';
import { withTenancy, type CommandContext } from './with-tenancy';

interface ExportOptions {
  readonly to: string;
  readonly format: 'both' | 'jsonl';
  readonly withSecrets?: boolean;
  readonly json?: true;
}

interface ImportOptions {
  readonly from: string;
  readonly source?: string;
  readonly name?: string;
  readonly replace?: true;
  readonly yes?: true;
  readonly json?: true;
}

interface EraseOptions {
  readonly certificate?: string;
  readonly force?: boolean;
  readonly yes?: true;
  readonly json?: true;
}

export function registerTenantData(tenants: Command): void {
  tenants
    .command('export <slug>')
    .description('Writes everything of a tenant into a folder, as of one moment.')
    .requiredOption('--to <folder>', 'where; must not be there yet, or be empty')
    .addOption(
      new Option('--format <format>', 'JSON Lines, which an import reads, and CSV beside it')
        .choices(['both', 'jsonl'])
        .default('both'),
    )
    .option('--with-secrets', 'password hashes too: for a restore, not to be handed on')
    .option('--json', 'the manifest, for machines')
    .action((slug: string, options: ExportOptions) =>
      withTenancy((context) => runExport(context, slug, options)),
    );
  tenants
    .command('import <slug>')
    .description('Puts an export into a new tenant, or into one that has no rows.')
    .requiredOption('--from <folder>', 'the folder of the export')
    .option('--source <name>', 'makes the tenant anew in this data source')
    .option('--name <name>', 'what the organisation is called; the export’s name otherwise')
    .option('--replace', 'removes what the tenant has first: a restore')
    .option('--yes', 'do not ask')
    .option('--json', 'for machines')
    .action((slug: string, options: ImportOptions) =>
      withTenancy((context) => runImport(context, slug, options)),
    );
  tenants
    .command('erase <slug>')
    .description('Removes a closed tenant for good: rows, keys, and what leads to it.')
    .option('--certificate <file>', 'where to write what was erased')
    .option('--force', 'closes the tenant first if it is in service')
    .option('--yes', 'do not ask')
    .option('--json', 'the certificate, for machines')
    .action((slug: string, options: EraseOptions) =>
      withTenancy((context) => runErase(context, slug, options)),
    );
}

async function runExport(
  { tenancy, say, signal }: CommandContext,
  slug: string,
  { to, format, withSecrets = false, json }: ExportOptions,
): Promise<void> {
  const tenant = await getTenantBySlug(tenancy.registry, slug);
  const manifest = await exportTenant(tenancy, tenant, {
    folder: to,
    csv: format === 'both',
    withSecrets,
    signal,
    onTable: (table, rows, done, total) => {
      if (json !== true) say(`${table}: ${rows} rows (${done} of ${total})`);
    },
  });
  if (json === true) return say(JSON.stringify(manifest, null, 2));
  for (const { table, because } of manifest.omitted) say(`${table}: left out, ${because}`);
  const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
  say(`${rows} rows of "${slug}" as of ${manifest.createdAt} are in ${to}.`);
}

async function runImport(
  context: CommandContext,
  slug: string,
  options: ImportOptions,
): Promise<void> {
  const { tenancy, config, say, signal } = context;
  const tell = (line: string): void => {
    if (options.json !== true) say(line);
  };
  const tenant = await tenantFor(context, slug, options);
  if (options.replace === true) {
    const what = `Everything that "${slug}" has now will be removed and replaced.`;
    await confirm({ what, word: slug, yes: options.yes === true });
    const removed = await replaceTenantRows(tenancy, tenant, options.from);
    if (removed > 0) tell(`${removed} rows that were there are removed.`);
  }
  const { rows, done, skipped } = await importExport(
    { tenancy, emailIndexKey: config.auth.emailIndexKey },
    tenant,
    {
      folder: options.from,
      signal,
      onBegin: (manifest, resumed) =>
        tell(`${resumed ? 'Going on with' : 'Beginning'} the export of ${manifest.createdAt}.`),
      onTable: (table, count) => tell(`${table}: ${count} rows`),
    },
  );
  if (options.json === true) return say(JSON.stringify({ rows, done, skipped }, null, 2));
  if (done) return say(`The export was put into "${slug}" before: nothing was done.`);
  for (const { table, because } of skipped) say(`${table}: left out, ${because}`);
  say(`${rows} rows are in "${slug}", counted and compared with the export.`);
}

async function tenantFor(
  { tenancy }: CommandContext,
  slug: string,
  { source, name }: ImportOptions,
): Promise<TenantRow> {
  if (source === undefined) return getTenantBySlug(tenancy.registry, slug);
  const dataSource = await tenancy.registry.findDataSourceByName(source);
  if (dataSource === undefined) {
    throw new TenantRefused(
      `There is no data source "${source}": \`cloister sources list\` shows them.`,
    );
  }
  if (dataSource.status !== 'active') {
    throw new TenantRefused(
      `The data source "${source}" is ${dataSource.status} and takes no new tenants: choose another.`,
    );
  }
  const known = await tenancy.registry.findTenantBySlug(slug);
  if (known !== undefined && known.dataSourceId !== dataSource.id) {
    throw new TenantRefused(`There is a tenant "${slug}" elsewhere already: choose another slug.`);
  }
  await enrolTenant(tenancy, { slug, name: name ?? slug, dataSourceId: dataSource.id });
  return getTenantBySlug(tenancy.registry, slug);
}

async function runErase(
  { tenancy, say }: CommandContext,
  slug: string,
  { certificate: path, force = false, yes, json }: EraseOptions,
): Promise<void> {
  const tenant = await getTenantBySlug(tenancy.registry, slug);
  const what = `Erasing "${slug}" removes all its rows and keys for good; no backup of ours brings its secrets back.`;
  await confirm({ what, word: slug, yes: yes === true });
  const certificate = await eraseTenant(tenancy, {
    tenantId: tenant.id,
    actor: 'command-line',
    force,
    onTable: (table, rows) => {
      if (json !== true) say(`${table}: ${rows} rows removed`);
    },
  });
  const text = JSON.stringify(certificate, null, 2);
  if (path !== undefined) await writeFile(path, `${text}\n`, { mode: 0o600 });
  if (json === true) return say(text);
  const { places, rowsRemoved, dataKeysDestroyed } = certificate;
  const rows = Object.values(rowsRemoved).reduce((sum, count) => sum + count, 0);
  for (const { dataSource, outcome, tablesLookedAt } of places) {
    say(`${dataSource}: ${outcome} (${tablesLookedAt} tables looked at)`);
  }
  say(
    `"${slug}" is erased: ${rows} rows, ${dataKeysDestroyed} keys. Certificate ${certificate.erasureId}${path === undefined ? ' is in the registry' : ` is in ${path}`}.`,
  );
}
