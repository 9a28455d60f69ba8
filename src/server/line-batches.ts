/**
 * Log lines of several requests leave in one write: one for each costs as much as all else of a line.
 * They are joined here, once they leave, for pino's own destination would measure and copy all that
 * waits for each line that comes.
 *
 * What waits is written when the process ends in any orderly way; one that is killed loses so much of it.
 */
import pino from 'pino';

export interface LineBatches {
  write(line: string): void;
  /** Writes what waits now. For `logger.flush`. */
  flush(onWritten?: (error?: Error) => void): void;
}

/** Where batches go; what is written there stays until it has grown so long, or is flushed. */
type Destination = Pick<ReturnType<typeof pino.destination>, 'write' | 'flush' | 'flushSync'>;

const WRITTEN_WITHIN_MS = 50;
const WRITTEN_AT_CHARACTERS = 8 * 1024;

const standardOutput = (): Destination =>
  pino.destination({ sync: false, minLength: WRITTEN_AT_CHARACTERS });

export function createLineBatches(destination = standardOutput()): LineBatches {
  let lines = '';
  let timer: NodeJS.Timeout | undefined;
  let isEndWatched = false;

  function handOn(): void {
    clearTimeout(timer);
    timer = undefined;
    if (lines !== '') destination.write(lines);
    lines = '';
  }

  function flush(onWritten?: (error?: Error) => void): void {
    handOn();
    destination.flush(onWritten);
  }

  /** There is no later then, in which anything could be written. */
  function watchEnd(): void {
    isEndWatched = true;
    process.once('exit', () => {
      if (lines === '') return;
      handOn();
      destination.flushSync();
    });
  }

  return {
    write(line) {
      lines += line;
      // Not before: loggers that say nothing are made and forgotten.
      if (!isEndWatched) watchEnd();
      if (lines.length >= WRITTEN_AT_CHARACTERS) handOn();
      else timer ??= setTimeout(flush, WRITTEN_WITHIN_MS);
    },
    flush,
  };
}
