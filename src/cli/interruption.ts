/**
 * Ctrl-C and SIGTERM: the first asks a command to come to an end, a second ends the process. Whoever reads
 * its answer may also have had enough of it.
 */

/** The command was interrupted from the terminal; whatever it held is closed. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** As with `| head`: nobody reads on, and nobody is to be told. */
export class ReaderGone extends Error {
  override readonly name = 'ReaderGone';
}

/** What a shell expects of a program whose reader is gone: 128 and the number of SIGPIPE. */
export const READER_GONE_EXIT_CODE = 141;

/** What a shell expects of a program that Ctrl-C ended. */
export const INTERRUPTED_EXIT_CODE = 130;

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * A terminal sends Ctrl-C to the whole process group, and npm passes its own on to its child: where
 * npm's shell is bash, as on macOS, that child is this process, which then gets one Ctrl-C twice.
 */
const SAME_KEYSTROKE_MS = 500;

/** @returns what gives the signals back. */
export function onInterrupt(begin: () => void): () => void {
  let begunAt: number | undefined;
  const listener = (): void => {
    if (begunAt === undefined) {
      begunAt = performance.now();
      begin();
    } else if (performance.now() - begunAt > SAME_KEYSTROKE_MS) {
      // Not left to the signal: listeners to `exit` still tell an embedded Postgres to stop.
      process.exit(INTERRUPTED_EXIT_CODE);
    }
  };
  for (const name of SIGNALS) process.on(name, listener);
  return () => {
    for (const name of SIGNALS) process.removeListener(name, listener);
  };
}

/** @returns what stops listening. Any other trouble with the output is thrown, as without it. */
export function onReaderGone(begin: () => void): () => void {
  const listener = (error: NodeJS.ErrnoException): void => {
    if (error.code !== 'EPIPE') throw error;
    begin();
  };
  process.stdout.on('error', listener);
  return () => process.stdout.removeListener('error', listener);
}

/** Resolves when the signal is aborted. */
export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
