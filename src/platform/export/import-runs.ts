/**
 * How far the import of an export has come: a row of the tenant's own, written in the transaction of
 * each batch, so that what it says is done is done. Two processes at one import notice each other.
 */
import { uuidv7 } from 'uuidv7';
import type { SqlRunner } from '../../database/statement';
import { ExportError } from './manifest';

export interface ImportRun {
  readonly id: string;
  revision: number;
  /** Tables that are behind us; each counts twice, for the second pass over its references. */
  tableIndex: number;
  /** Lines of the table's file that are behind us. */
  line: number;
  readonly finished: boolean;
}

const fingerprintOf = (manifest: string): string => `export:${manifest}`;

export async function findImportRun(
  tx: SqlRunner,
  manifest: string,
): Promise<ImportRun | undefined> {
  const [run] = await tx.query<ImportRun>({
    text: `select id, revision, file_index as "tableIndex", row_number::int as line,
                  finished_at is not null as finished
           from cloister.import_runs where tenant_id = $1 and fingerprint = $2`,
    values: [tx.localTenantId, fingerprintOf(manifest)],
  });
  return run;
}

export async function beginImportRun(tx: SqlRunner, manifest: string): Promise<ImportRun> {
  const id = uuidv7();
  await tx.query({
    text: `insert into cloister.import_runs (tenant_id, id, fingerprint, progress)
           values ($1, $2, $3, '{"files": [], "referenced": {}}')`,
    values: [tx.localTenantId, id, fingerprintOf(manifest)],
  });
  return { id, revision: 0, tableIndex: 0, line: 0, finished: false };
}

export interface Advance {
  readonly tableIndex: number;
  readonly line: number;
  readonly finished?: boolean;
}

/** @throws ExportError when another process has come further meanwhile. */
export async function advanceImportRun(
  tx: SqlRunner,
  run: ImportRun,
  { tableIndex, line, finished = false }: Advance,
): Promise<void> {
  const rows = await tx.query({
    text: `update cloister.import_runs
           set file_index = $4, row_number = $5, revision = revision + 1, updated_at = now(),
               finished_at = case when $6 then now() end
           where tenant_id = $1 and id = $2 and revision = $3 returning 1`,
    values: [tx.localTenantId, run.id, run.revision, tableIndex, line, finished],
  });
  if (rows.length === 0) {
    throw new ExportError(
      'Another process imports the same export: let it finish, or end it first.',
    );
  }
}
