/** Small CSV files in the shape of a sales pipeline's export, and what it takes to import them. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kinds } from '../../src/crm/kinds';
import { parseMapping } from '../../src/import/read-mapping';
import { runImport, type ImportOptions } from '../../src/import/run-import';
import type { ImportReport } from '../../src/import/import-report';
import { createEmailRouting } from '../../src/request/create-context';
import type { TenantName, World } from './world';

export const EXAMPLE_MAPPING = join(
  __dirname,
  '../../docs/examples/crm-sales-opportunities.mapping.yaml',
);

const STAGES = ['Won', 'Lost', 'Engaging', 'Prospecting'];

/** @param opportunities how many rows the pipeline has. */
export function pipelineFiles(opportunities = 20): Record<string, string> {
  const rows = Array.from({ length: opportunities }, (_, index) => {
    const stage = STAGES[index % STAGES.length] ?? '';
    const closed = stage === 'Won' || stage === 'Lost';
    return [
      `OPP${String(index).padStart(4, '0')}`,
      index % 2 === 0 ? 'Ada Agent' : 'Bob Agent',
      index % 3 === 0 ? 'GTXPro' : 'MG Special',
      index % 5 === 0 ? '' : 'Subsidiary',
      stage,
      stage === 'Prospecting' ? '' : '10/20/2016',
      closed ? '3/1/2017' : '',
      closed ? String(1000 + index) : '',
    ].join(',');
  });
  return {
    'sales_teams.csv': [
      'sales_agent,manager,regional_office',
      'Ada Agent,Max Manager,Central',
      // Bob is managed by an agent, who stands in the file too.
      'Bob Agent,Ada Agent,East',
    ].join('\n'),
    'accounts.csv': [
      'account,sector,year_established,revenue,employees,office_location,subsidiary_of',
      // The parent comes after its subsidiary.
      'Subsidiary,technolgy,1996,1100.04,2822,Philipines,Mother',
      'Mother,medical,1999,251.41,495,United States,',
    ].join('\n'),
    'products.csv': ['product,series,sales_price', 'GTX Pro,GTX,4821', 'MG Special,MG,55'].join(
      '\n',
    ),
    'sales_pipeline.csv': [
      'opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value',
      ...rows,
    ].join('\n'),
  };
}

export interface ImportFolder {
  readonly path: string;
  readonly rejects: string;
  write(files: Readonly<Record<string, string | Buffer>>): Promise<void>;
  readRejects(file: string): Promise<string>;
  remove(): Promise<void>;
}

export async function createImportFolder(): Promise<ImportFolder> {
  const path = await mkdtemp(join(tmpdir(), 'import-'));
  const rejects = join(path, 'rejects');
  return {
    path,
    rejects,
    async write(files) {
      for (const [name, content] of Object.entries(files))
        await writeFile(join(path, name), content);
    },
    readRejects: (file) => readFile(join(rejects, file), 'utf8'),
    remove: () => rm(path, { recursive: true, force: true }),
  };
}

/** What importing into a tenant takes; `mapping` is the text of a mapping file. */
export async function importOptions(
  world: World,
  tenant: TenantName,
  folder: ImportFolder,
  mapping?: string,
): Promise<ImportOptions> {
  const { tenancy } = world.application;
  const row = await tenancy.registry.findTenantBySlug(tenant);
  if (row === undefined) throw new Error(`Expected the tenant ${tenant}.`);
  return {
    session: tenancy.openSession(row),
    kinds,
    services: {
      hashPassword: () => Promise.reject(new Error('An import sets no passwords.')),
      emailRouting: createEmailRouting(tenancy, world.config.auth.emailIndexKey)(row.id),
    },
    mapping: parseMapping(mapping ?? (await readFile(EXAMPLE_MAPPING, 'utf8')), kinds, 'mapping'),
    directory: folder.path,
    rejectsDirectory: folder.rejects,
  };
}

/** `{ Account: [created, updated, unchanged, rejected], … }` */
export const countsOf = ({ kinds: reports }: ImportReport): Record<string, number[]> =>
  Object.fromEntries(
    reports.map(({ kind, created, updated, unchanged, rejected }) => [
      kind,
      [created, updated, unchanged, rejected],
    ]),
  );

export { runImport };
