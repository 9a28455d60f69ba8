/**
 * How far an import has come, kept in the tenant's data source and written in the transaction of
 * each batch: what is recorded as done is done, and nothing else is. Rows that refer to rows further
 * down their own file wait here for their turn, for the memory of a process ends with it.
 */
import { uuidv7 } from 'uuidv7';
import sql from 'sql-template-tag';
import { AppError } from '../errors';
import type { SqlRunner } from '../database/statement';
import type { SourceRow } from './csv-rows';

export interface Counts {
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly rejected: number;
}

export const NO_COUNTS: Counts = { created: 0, updated: 0, unchanged: 0, rejected: 0 };

export interface FileProgress extends Counts {
  /** Length of the rejects file when the batch was committed. */
  readonly rejectsBytes: number;
}

export interface RunProgress {
  readonly files: readonly FileProgress[];
  /** Records made because rows refer to them, by kind. */
  readonly referenced: Readonly<Record<string, number>>;
}

/** Rows of the file first; then those of them that had to wait. */
export type Phase = 'rows' | 'deferred';

export interface RunState {
  readonly id: string;
  /** Grows with each batch: two processes at the same run notice each other by it. */
  readonly revision: number;
  readonly fileIndex: number;
  readonly phase: Phase;
  /** Rows of the file that are behind us. */
  readonly rowNumber: number;
  readonly progress: RunProgress;
}

export interface DeferredRow extends SourceRow {
  /** What other rows may know this one by, as `externalId:…`, `name:…`. */
  readonly keys: readonly string[];
}

const RUN_COLUMNS =
  'id, revision, file_index as "fileIndex", phase, row_number::int as "rowNumber", progress';
/** What was interrupted and never taken up again is forgotten after this long. */
const FORGET_AFTER = '30 days';

/** The run of these files: an interrupted one as it stands, else a new one. */
export async function beginRun(
  tx: SqlRunner,
  { fingerprint, files, restart }: { fingerprint: string; files: number; restart: boolean },
): Promise<{ state: RunState; resumed: boolean }> {
  const tenantId = tx.localTenantId;
  await tx.query(sql`delete from cloister.import_runs
    where tenant_id = ${tenantId} and finished_at is null and updated_at < now() - ${FORGET_AFTER}::interval`);
  if (!restart) {
    const [interrupted] = await tx.query<RunState>({
      text: `select ${RUN_COLUMNS} from cloister.import_runs
        where tenant_id = $1 and fingerprint = $2 and finished_at is null`,
      values: [tenantId, fingerprint],
    });
    if (interrupted !== undefined) return { state: interrupted, resumed: true };
  }
  await tx.query(
    sql`delete from cloister.import_runs where tenant_id = ${tenantId} and fingerprint = ${fingerprint}`,
  );
  const progress: RunProgress = {
    files: Array.from({ length: files }, () => ({ ...NO_COUNTS, rejectsBytes: 0 })),
    referenced: {},
  };
  const state: RunState = {
    id: uuidv7(),
    revision: 0,
    fileIndex: 0,
    phase: 'rows',
    rowNumber: 0,
    progress,
  };
  await tx.query(sql`insert into cloister.import_runs (tenant_id, id, fingerprint, progress)
    values (${tenantId}, ${state.id}, ${fingerprint}, ${JSON.stringify(progress)}::jsonb)`);
  return { state, resumed: false };
}

/** @returns the state with its new revision. @throws CONFLICT when another process has moved the run on. */
export async function saveRun(tx: SqlRunner, state: RunState, finished = false): Promise<RunState> {
  const { id, revision, fileIndex, phase, rowNumber, progress } = state;
  const moved = await tx.query(sql`update cloister.import_runs
    set revision = revision + 1, file_index = ${fileIndex}, phase = ${phase}, row_number = ${rowNumber},
      progress = ${JSON.stringify(progress)}::jsonb, updated_at = now(),
      finished_at = case when ${finished}::boolean then now() end
    where tenant_id = ${tx.localTenantId} and id = ${id} and revision = ${revision} and finished_at is null
    returning id`);
  if (moved.length === 0) {
    throw new AppError(
      'CONFLICT',
      'Another process is importing the same files into this tenant: let it finish, or stop it.',
      {
        details: { reason: 'IMPORT_UNDER_WAY' },
      },
    );
  }
  return { ...state, revision: revision + 1 };
}

export async function deferRows(
  tx: SqlRunner,
  runId: string,
  rows: readonly DeferredRow[],
): Promise<void> {
  if (rows.length === 0) return;
  await tx.query(sql`insert into cloister.import_deferred_rows (tenant_id, run_id, row_number, line, cells, keys)
    select ${tx.localTenantId}::uuid, ${runId}::uuid, r."rowNumber", r.line, r.cells, r.keys
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      as r("rowNumber" bigint, line bigint, cells jsonb, keys text[]) returning 1`);
}

export const listDeferred = (
  tx: SqlRunner,
  runId: string,
  after: number,
  limit: number,
): Promise<SourceRow[]> =>
  tx.query<SourceRow>(sql`select row_number::int as "rowNumber", line::int as line, cells
    from cloister.import_deferred_rows
    where tenant_id = ${tx.localTenantId} and run_id = ${runId} and row_number > ${after}
    order by row_number limit ${limit}`);

export async function removeDeferred(
  tx: SqlRunner,
  runId: string,
  rowNumbers: readonly number[],
): Promise<void> {
  if (rowNumbers.length === 0) return;
  await tx.query(sql`delete from cloister.import_deferred_rows
    where tenant_id = ${tx.localTenantId} and run_id = ${runId} and row_number = any(${rowNumbers}::bigint[])`);
}

/** Which of the keys a waiting row will bring. */
export async function findDeferredKeys(
  tx: SqlRunner,
  runId: string,
  keys: readonly string[],
): Promise<Set<string>> {
  if (keys.length === 0) return new Set();
  const rows = await tx.query<{ key: string }>(sql`select distinct k.key
    from cloister.import_deferred_rows d cross join lateral unnest(d.keys) as k (key)
    where d.tenant_id = ${tx.localTenantId} and d.run_id = ${runId} and k.key = any(${keys}::text[])`);
  return new Set(rows.map(({ key }) => key));
}
