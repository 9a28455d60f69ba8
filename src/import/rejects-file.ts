/**
 * Rejected rows of one input, as CSV: line, reason, then the row as it was. Written before the
 * batch is committed, always from the length that was committed last: a batch that is rolled back
 * or repeated leaves no trace, and a process that is killed loses nothing.
 */
import { mkdir, open, rm, stat, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { SourceRow } from './csv-rows';

export interface Reject extends SourceRow {
  readonly reason: string;
}

export interface RejectsFile {
  readonly path: string;
  /** @returns the file's length, to be recorded with the batch. */
  write(rejects: readonly Reject[]): Promise<number>;
  /** The batch was committed. */
  commit(length: number): void;
}

/** @param length recorded last; 0 removes what an earlier import left. */
export async function openRejectsFile(
  path: string,
  header: readonly string[],
  length: number,
): Promise<RejectsFile> {
  const size = await stat(path).then(
    (stats) => stats.size,
    () => 0, // not there
  );
  if (length === 0) await rm(path, { force: true });
  // Shorter than recorded, it was tampered with or stands elsewhere: go on at its end.
  let committed = Math.min(length, size);
  let written = length === 0 ? 0 : size;

  /** Takes back what was written for a batch that was not committed. */
  const takeBack = async (): Promise<void> => {
    if (written > committed) await truncate(path, committed);
    written = committed;
  };

  await takeBack();
  return {
    path,
    async write(rejects) {
      await takeBack();
      if (rejects.length === 0) return committed;
      const heading =
        committed === 0 ? formatRow(['rejected_line', 'rejected_reason', ...header]) : '';
      const rows = rejects.map(({ line, reason, cells }) =>
        formatRow([String(line), reason, ...cells]),
      );
      const bytes = Buffer.from(heading + rows.join(''));
      await mkdir(dirname(path), { recursive: true });
      const file = await open(path, committed === 0 ? 'w' : 'r+');
      try {
        await file.write(bytes, 0, bytes.length, committed);
        await file.sync();
      } finally {
        await file.close();
      }
      written = committed + bytes.length;
      return written;
    },
    commit: (recorded) => void (committed = recorded),
  };
}

const formatRow = (cells: readonly string[]): string => `${cells.map(formatCell).join(',')}\r\n`;

const formatCell = (cell: string): string =>
  /[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
