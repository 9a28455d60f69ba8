/** `cloister tenants list`: as many as there are, a page at a time. */
import { Option, type Command } from 'commander';
import { keysetPages } from '../lib/keyset-pages';
import {
  TENANT_STATUSES,
  type RegistryStore,
  type TenantRow,
  type TenantStatus,
} from '../tenancy/registry.store';
import { getSource } from './find-source';
import { printJsonList, printTable } from './print-pages';
import { wholeNumber } from './whole-number';
import { withTenancy, type CommandContext } from './with-tenancy';

interface Options {
  readonly status?: TenantStatus;
  readonly source?: string;
  readonly after?: string;
  readonly limit?: number;
  readonly json?: true;
}

interface ListedTenant extends TenantRow {
  /** Its name; null without one. */
  readonly dataSource: string | null;
}

const MOST = 100_000_000;
const HEADING = ['SLUG', 'NAME', 'STATUS', 'PLAN', 'REGION', 'DATA SOURCE', 'ID'];

export function registerTenantsList(tenants: Command): void {
  tenants
    .command('list')
    .description('Lists tenants with their status and data source, in the order of their slugs.')
    .addOption(new Option('--status <status>', 'those of one status').choices(TENANT_STATUSES))
    .option('--source <name>', 'those in one data source')
    .option('--after <slug>', 'those that come after it')
    .option('--limit <count>', 'how many at most', wholeNumber(1, MOST))
    .option('--json', 'for machines')
    .action((options: Options) => withTenancy((context) => list(context, options)));
}

async function list(
  { tenancy: { registry }, say, signal }: CommandContext,
  { status, source, after, limit, json }: Options,
): Promise<void> {
  const dataSourceId = source === undefined ? undefined : (await getSource(registry, source)).id;
  const pages = keysetPages<TenantRow>(
    (last, size) =>
      registry.listTenants({ status, dataSourceId, after: last?.slug ?? after, limit: size }),
    { signal, ...(limit === undefined ? {} : { limit }) },
  );
  const listed = withSources(registry, pages);
  if (json === true) await printJsonList(say, listed);
  else await printTable(say, HEADING, listed, cellsOf);
}

async function* withSources(
  registry: Pick<RegistryStore, 'findDataSources'>,
  pages: AsyncIterable<readonly TenantRow[]>,
): AsyncGenerator<readonly ListedTenant[]> {
  for await (const rows of pages) {
    const ids = new Set(rows.flatMap(({ dataSourceId }) => dataSourceId ?? []));
    const sources = await registry.findDataSources([...ids]);
    const nameOf = new Map(sources.map(({ id, name }) => [id, name]));
    yield rows.map((row) => ({ ...row, dataSource: nameOf.get(row.dataSourceId ?? '') ?? null }));
  }
}

const cellsOf = (tenant: ListedTenant): readonly string[] => [
  tenant.slug,
  tenant.name,
  tenant.status,
  tenant.plan,
  tenant.region,
  tenant.dataSource ?? '(none)',
  tenant.id,
];
