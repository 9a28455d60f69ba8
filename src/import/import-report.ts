/** What an import tells of itself, while it runs and at its end. */
import { NO_COUNTS, type Counts, type RunProgress } from './import-runs.store';
import type { BatchResult } from './import-batch';

export interface ImportProgress {
  readonly file: string;
  readonly kind: string;
  /** Rows read of all files, in this process and before. */
  readonly rows: number;
  /** Rows read by this process. */
  readonly rowsNow: number;
  readonly bytes: number;
  readonly totalBytes: number;
}

export interface KindReport extends Counts {
  readonly kind: string;
  /** Records made because rows refer to them; no rows of their own. */
  readonly referenced: number;
}

export interface ImportReport {
  readonly state: 'finished' | 'interrupted';
  readonly kinds: readonly KindReport[];
  readonly rejected: number;
  readonly rejectsFiles: readonly string[];
}

/** The progress after a batch. */
export function addProgress(
  progress: RunProgress,
  fileIndex: number,
  batch: BatchResult,
  rejectsBytes: number,
): RunProgress {
  const referenced = { ...progress.referenced };
  for (const [kind, count] of Object.entries(batch.referenced))
    referenced[kind] = (referenced[kind] ?? 0) + count;
  return {
    referenced,
    files: progress.files.map((counts, index) =>
      index === fileIndex
        ? {
            ...addCounts(counts, { ...batch.outcomes, rejected: batch.rejects.length }),
            rejectsBytes,
          }
        : counts,
    ),
  };
}

const addCounts = (a: Counts, b: Counts): Counts => ({
  created: a.created + b.created,
  updated: a.updated + b.updated,
  unchanged: a.unchanged + b.unchanged,
  rejected: a.rejected + b.rejected,
});

/** Rows that are done with. */
export const rowsOf = ({ files }: RunProgress): number =>
  files.reduce(
    (sum, { created, updated, unchanged, rejected }) =>
      sum + created + updated + unchanged + rejected,
    0,
  );

/** An input, as far as a report needs it. */
export interface ReportedFile {
  readonly kind: string;
  readonly rejectsPath: string;
}

export function createReport(
  files: readonly ReportedFile[],
  progress: RunProgress,
  state: ImportReport['state'],
): ImportReport {
  const byKind = new Map<string, Counts>();
  for (const [index, { kind }] of files.entries()) {
    byKind.set(kind, addCounts(byKind.get(kind) ?? NO_COUNTS, progress.files[index] ?? NO_COUNTS));
  }
  for (const kind of Object.keys(progress.referenced)) {
    if (!byKind.has(kind)) byKind.set(kind, NO_COUNTS);
  }
  return {
    state,
    kinds: [...byKind].map(([kind, counts]) => ({
      kind,
      ...counts,
      referenced: progress.referenced[kind] ?? 0,
    })),
    rejected: progress.files.reduce((sum, { rejected }) => sum + rejected, 0),
    rejectsFiles: files.flatMap(({ rejectsPath }, index) =>
      (progress.files[index]?.rejected ?? 0) > 0 ? [rejectsPath] : [],
    ),
  };
}
