/**
 * An import from its beginning to its end: looks at all input first, then imports file by file,
 * for good or, in a dry run, in one transaction that is rolled back.
 */
import { basename, join, resolve } from 'node:path';
import type { TenantSession } from '../tenancy/session.port';
import { createKindWriter } from '../crm/kind/kind-writer';
import { importFile, type FileToImport, type ImportScope } from './import-file';
import { ImportError } from './import-error';
import { createReport, rowsOf, type ImportProgress, type ImportReport } from './import-report';
import { beginRun } from './import-runs.store';
import { inspectFiles, type InspectedFile } from './inspect-files';
import { createLookups } from './lookups';
import type { Mapping } from './mapping.schema';
import { eachInTransaction, withinTransaction, type Transact } from './transact';

export interface ImportOptions extends Pick<ImportScope, 'kinds' | 'services'> {
  readonly session: Pick<TenantSession, 'transaction'>;
  readonly mapping: Mapping;
  /** Where the mapping's files are. */
  readonly directory: string;
  readonly rejectsDirectory: string;
  /** Rows written by one statement and in one transaction. */
  readonly batchSize?: number;
  /** Does everything and takes it back; only the rejects files stay. */
  readonly dryRun?: boolean;
  /** Begins anew even if an import of the same files was interrupted. */
  readonly restart?: boolean;
  /** Asked before each batch. */
  readonly shouldStop?: () => boolean;
  readonly onProgress?: (progress: ImportProgress) => void;
  /** Said once, before the first batch, when an interrupted import is taken up. */
  readonly onResume?: (file: string, rows: number) => void;
}

export const DEFAULT_BATCH_SIZE = 500;

/** Ends a dry run's transaction with everything it did. */
class DryRunOver extends Error {
  constructor(readonly report: ImportReport) {
    super('A dry run is rolled back.');
  }
}

/**
 * Safe to repeat: records are told apart by their external ids. An import that was interrupted goes
 * on where it stopped when the same files are imported with the same mapping.
 * @throws ImportError when the input does not fit the mapping, before anything is written.
 */
export async function runImport(options: ImportOptions): Promise<ImportReport> {
  const { session, mapping, directory, dryRun = false } = options;
  const { files, fingerprint } = await inspectFiles(mapping, directory);
  const toImport = files.map((file): FileToImport => ({
    ...file,
    rejectsPath: rejectsPathOf(file, options),
  }));
  assertRejectsAreNoInput(toImport);
  if (!dryRun) return importFiles(options, toImport, fingerprint, eachInTransaction(session));
  try {
    return await session.transaction(async (tx): Promise<never> => {
      // E-mail addresses stand in the registry, which no rollback here would reach.
      const emailRouting = { add: () => Promise.resolve(), remove: () => Promise.resolve() };
      const dry = { ...options, services: { ...options.services, emailRouting }, restart: true };
      throw new DryRunOver(await importFiles(dry, toImport, fingerprint, withinTransaction(tx)));
    });
  } catch (error) {
    if (error instanceof DryRunOver) return error.report;
    throw error;
  }
}

async function importFiles(
  options: ImportOptions,
  files: readonly FileToImport[],
  fingerprint: string,
  transact: Transact,
): Promise<ImportReport> {
  const { kinds, services, restart = false } = options;
  const begun = await transact((tx) => beginRun(tx, { fingerprint, files: files.length, restart }));
  const scope: ImportScope = {
    kinds,
    services,
    transact,
    writer: createKindWriter(kinds),
    lookups: createLookups(),
    batchSize: options.batchSize ?? DEFAULT_BATCH_SIZE,
    shouldStop: options.shouldStop ?? (() => false),
  };
  const reported = files.map(({ mapping, rejectsPath }) => ({ kind: mapping.kind, rejectsPath }));
  const totalBytes = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let { state } = begun;
  const rowsBefore = rowsOf(state.progress);
  if (begun.resumed) options.onResume?.(files[state.fileIndex]?.mapping.file ?? '', rowsBefore);

  for (let file = files[state.fileIndex]; file !== undefined; file = files[state.fileIndex]) {
    const { kind, file: name } = file.mapping;
    const bytesBefore = files.slice(0, state.fileIndex).reduce((sum, { bytes }) => sum + bytes, 0);
    const imported = await importFile(scope, file, state, {
      isLast: state.fileIndex + 1 === files.length,
      onBatch: ({ progress }, bytes) => {
        const rows = rowsOf(progress);
        const done = bytesBefore + bytes;
        options.onProgress?.({
          file: name,
          kind,
          rows,
          rowsNow: rows - rowsBefore,
          bytes: done,
          totalBytes,
        });
      },
    });
    state = imported.state;
    if (imported.stopped) return createReport(reported, state.progress, 'interrupted');
  }
  return createReport(reported, state.progress, 'finished');
}

const rejectsPathOf = ({ mapping }: InspectedFile, { rejectsDirectory }: ImportOptions): string =>
  join(rejectsDirectory, `${basename(mapping.file).replace(/\.csv$/i, '')}.rejects.csv`);

function assertRejectsAreNoInput(files: readonly FileToImport[]): void {
  const inputs = new Set(files.map(({ path }) => resolve(path)));
  const outputs = files.map(({ rejectsPath }) => resolve(rejectsPath));
  const faults = outputs.flatMap((path, index) => [
    ...(inputs.has(path)
      ? [`expected another folder for the rejected rows: ${path} is an input`]
      : []),
    ...(outputs.indexOf(path) === index
      ? []
      : [`expected inputs of different names, but several would share ${path}`]),
  ]);
  if (faults.length > 0) throw new ImportError(faults);
}
