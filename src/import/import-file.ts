/**
 * One file, batch by batch. Each batch is one transaction that writes its records and how far the
 * import has come: whatever ends the process between two batches costs nothing but the time to
 * start again.
 */
import type { SqlRunner } from '../database/statement';
import type { KindSet, RuleServices } from '../crm/kind/kind';
import type { KindWriter } from '../crm/kind/kind-writer';
import { openCsv, readCsv, type ReadRow, type SourceRow } from './csv-rows';
import { importBatch, type BatchResult, type WaitingRules } from './import-batch';
import { addProgress } from './import-report';
import {
  deferRows,
  findDeferredKeys,
  listDeferred,
  removeDeferred,
  saveRun,
  type RunState,
} from './import-runs.store';
import type { InspectedFile } from './inspect-files';
import type { Lookups } from './lookups';
import { openRejectsFile } from './rejects-file';
import { createRowPlan } from './row-plan';
import type { Transact } from './transact';

/** What all files of an import share. */
export interface ImportScope {
  readonly kinds: KindSet;
  readonly services: RuleServices;
  readonly transact: Transact;
  readonly writer: KindWriter;
  readonly lookups: Lookups;
  readonly batchSize: number;
  readonly shouldStop: () => boolean;
}

export interface FileToImport extends InspectedFile {
  readonly rejectsPath: string;
}

export interface FileOptions {
  /** With the last file the run is finished. */
  readonly isLast: boolean;
  /** @param bytes of this file that are behind us. */
  readonly onBatch: (state: RunState, bytes: number) => void;
}

/** @param begun as the run was left; where it was interrupted, the file is taken up there. */
export async function importFile(
  scope: ImportScope,
  file: FileToImport,
  begun: RunState,
  { isLast, onBatch }: FileOptions,
): Promise<{ state: RunState; stopped: boolean }> {
  const { kinds, services, transact, writer, lookups, batchSize, shouldStop } = scope;
  const plan = createRowPlan(kinds, file.mapping, file.header);
  const recordedBytes = begun.progress.files[begun.fileIndex]?.rejectsBytes ?? 0;
  const rejects = await openRejectsFile(file.rejectsPath, file.header, recordedBytes);
  let state = begun;

  /** Rows, rejects and progress, in one transaction. */
  async function commit(
    rows: readonly SourceRow[],
    next: Partial<RunState>,
    rules: (tx: SqlRunner) => WaitingRules = () => ({}),
  ): Promise<BatchResult> {
    const { batch, saved, rejectsBytes } = await transact(async (tx, afterCommit) => {
      lookups.discard();
      const context = { tx, actorId: undefined, services, afterCommit };
      const done = await importBatch({ plan, writer, lookups, context }, rows, rules(tx));
      if (state.phase === 'rows') await deferRows(tx, state.id, done.deferred);
      else await removeDeferred(tx, state.id, settledRows(rows, done));
      const length = await rejects.write(done.rejects);
      const progress = addProgress(state.progress, state.fileIndex, done, length);
      return {
        batch: done,
        saved: await saveRun(tx, { ...state, ...next, progress }),
        rejectsBytes: length,
      };
    });
    state = saved;
    rejects.commit(rejectsBytes);
    lookups.publish(batch.changed);
    return batch;
  }

  const move = async (next: Partial<RunState>, finished = false): Promise<void> => {
    state = await transact((tx) => saveRun(tx, { ...state, ...next }, finished));
  };

  /**
   * Rows that wait for rows of their own file, pass after pass: each writes those whose turn has
   * come. A pass in which nothing moves leaves only rows that wait for one another.
   * @returns whether all are done; false when it was stopped.
   */
  async function importDeferred(): Promise<boolean> {
    const { id } = state;
    const page = (after: number): Promise<SourceRow[]> =>
      transact((tx) => listDeferred(tx, id, after, batchSize));
    for (let stuck = false; ;) {
      let moved = false;
      let left = false;
      for (
        let rows = await page(-1);
        rows.length > 0;
        rows = await page(rows.at(-1)?.rowNumber ?? 0)
      ) {
        if (shouldStop()) return false;
        const { deferred } = await commit(rows, {}, (tx) => ({
          findDeferredKeys: (keys) => findDeferredKeys(tx, id, keys),
          stuck,
        }));
        moved ||= deferred.length < rows.length;
        left ||= deferred.length > 0;
        onBatch(state, file.bytes);
      }
      if (!left) return true;
      stuck = !moved;
    }
  }

  if (state.phase === 'rows') {
    for await (const batch of batchesOf(
      readCsv(openCsv(file.path), file.mapping.file, file.mapping),
      state.rowNumber,
      batchSize,
    )) {
      if (shouldStop()) return { state, stopped: true };
      await commit(batch.rows, { rowNumber: batch.nextRowNumber });
      onBatch(state, batch.bytes);
    }
    await move({ phase: 'deferred' });
  }
  if (!(await importDeferred())) return { state, stopped: true };
  await move({ fileIndex: state.fileIndex + 1, phase: 'rows', rowNumber: 0 }, isLast);
  onBatch(state, file.bytes);
  return { state, stopped: false };
}

function settledRows(rows: readonly SourceRow[], { deferred }: BatchResult): number[] {
  const waiting = new Set(deferred.map(({ rowNumber }) => rowNumber));
  return rows.flatMap(({ rowNumber }) => (waiting.has(rowNumber) ? [] : [rowNumber]));
}

export interface RowBatch {
  readonly rows: readonly SourceRow[];
  readonly nextRowNumber: number;
  /** Bytes of the file read so far. */
  readonly bytes: number;
}

/**
 * Never more than one batch in memory: the next is read when the consumer is done with this one.
 * @param from the first row wanted; those before it, and the header, are passed over.
 */
export async function* batchesOf(
  source: AsyncIterable<ReadRow>,
  from: number,
  size: number,
): AsyncGenerator<RowBatch> {
  let rows: SourceRow[] = [];
  let last: ReadRow | undefined;
  const take = (): RowBatch => {
    const batch = { rows, nextRowNumber: (last?.rowNumber ?? -1) + 1, bytes: last?.bytes ?? 0 };
    rows = [];
    return batch;
  };
  for await (const row of source) {
    if (row.rowNumber < from) continue;
    const { rowNumber, line, cells } = row;
    rows.push({ rowNumber, line, cells });
    last = row;
    if (rows.length >= size) yield take();
  }
  if (rows.length > 0) yield take();
}
