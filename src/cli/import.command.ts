import { dirname } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { kinds } from '../crm/kinds';
import { ImportError } from '../import/import-error';
import { readMapping } from '../import/read-mapping';
import { DEFAULT_BATCH_SIZE, runImport } from '../import/run-import';
import { createEmailRouting } from '../request/create-context';
import { CommandFailure } from './command-failure';
import { createImportProgress } from './import-progress';
import { formatTable } from './table';
import { withTenancy } from './with-tenancy';
import type { ImportReport } from '../import/import-report';

interface Options {
  readonly tenant: string;
  readonly mapping: string;
  readonly dir?: string;
  readonly batchSize: number;
  readonly dryRun?: boolean;
  readonly rejects: string;
  readonly restart?: boolean;
}

const REJECTED_EXIT_CODE = 2;
const MAX_BATCH_SIZE = 5000;

export function registerImport(program: Command): void {
  program
    .command('import')
    .description('Imports CSV files into a tenant, as a mapping file says; safe to repeat.')
    .requiredOption('--tenant <slug>', 'tenant to import into')
    .requiredOption(
      '--mapping <file>',
      'mapping from columns to fields, YAML or JSON (docs/import.md)',
    )
    .option('--dir <folder>', 'where the CSV files are (default: beside the mapping)')
    .option('--batch-size <rows>', 'rows written together', readBatchSize, DEFAULT_BATCH_SIZE)
    .option('--dry-run', 'say what would happen and write nothing to the tenant')
    .option('--rejects <folder>', 'where rejected rows are written', 'import-rejects')
    .option('--restart', 'begin anew, even if an import of the same files was interrupted')
    .action(importIntoTenant);
}

async function importIntoTenant(options: Options): Promise<void> {
  // Before a database is started for what cannot be used.
  const mapping = await readMapping(options.mapping, kinds);
  await withTenancy(async ({ config, tenancy, passwords, say, signal }) => {
    const tenant = await tenancy.directory.findTenantBySlug(options.tenant);
    if (tenant === undefined) {
      throw new ImportError([
        `expected the slug of a tenant, but there is no "${options.tenant}"; \`cloister tenants list\` shows them`,
      ]);
    }
    const progress = createImportProgress(process.stderr);
    const session = tenancy.openSession(tenant);
    const startedAt = performance.now();
    let report: ImportReport;
    try {
      report = await runImport({
        session,
        kinds,
        services: {
          hashPassword: (password) => passwords.hash(password),
          emailRouting: createEmailRouting(tenancy, config.auth.emailIndexKey)(tenant.id),
        },
        mapping,
        directory: options.dir ?? dirname(options.mapping),
        rejectsDirectory: options.rejects,
        batchSize: options.batchSize,
        dryRun: options.dryRun === true,
        restart: options.restart === true,
        shouldStop: () => signal.aborted,
        onProgress: (state) => progress.update(state),
        onResume: (file, rows) =>
          say(
            `An import of the same files was interrupted: going on in ${file}, after ${rows} rows. (--restart begins anew.)`,
          ),
      });
    } finally {
      progress.stop();
      await session.end();
    }
    say(summarize(report, performance.now() - startedAt, options));
    if (report.state === 'finished' && report.rejected > 0)
      throw new CommandFailure(REJECTED_EXIT_CODE);
  });
}

function summarize(report: ImportReport, elapsedMs: number, { tenant, dryRun }: Options): string {
  const count = (value: number): string => value.toLocaleString('en');
  const table = formatTable(
    ['KIND', 'CREATED', 'UPDATED', 'UNCHANGED', 'REJECTED'],
    report.kinds.map(({ kind, created, updated, unchanged, rejected }) => [
      kind,
      ...[created, updated, unchanged, rejected].map(count),
    ]),
  );
  const rows = report.kinds.reduce(
    (sum, each) => sum + each.created + each.updated + each.unchanged + each.rejected,
    0,
  );
  return [
    table,
    '',
    ...report.kinds.flatMap(({ kind, referenced }) =>
      referenced === 0 ? [] : [`Made because rows refer to them: ${count(referenced)} of ${kind}.`],
    ),
    ...report.rejectsFiles.map((path) => `Rejected rows, with line and reason: ${path}`),
    ...(dryRun === true ? ['A dry run: nothing was written to the tenant.'] : []),
    report.state === 'interrupted'
      ? dryRun === true
        ? 'Stopped before the end.'
        : `Stopped after ${count(rows)} rows, which are kept. To go on, run the same command again.`
      : `${count(rows)} rows for ${tenant} in ${(elapsedMs / 1000).toFixed(1)} s.`,
  ].join('\n');
}

function readBatchSize(text: string): number {
  const rows = Number(text);
  if (!Number.isInteger(rows) || rows < 1 || rows > MAX_BATCH_SIZE) {
    throw new InvalidArgumentError(`Expected 1 to ${MAX_BATCH_SIZE} rows.`);
  }
  return rows;
}
