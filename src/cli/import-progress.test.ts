import { PassThrough } from 'node:stream';
import { createImportProgress } from './import-progress';

const progress = (bytes: number, rows: number) => ({
  file: 'a.csv',
  kind: 'Account',
  rows,
  rowsNow: rows,
  bytes,
  totalBytes: 1000,
});

/** All that was written: since Node 26 `read()` gives one chunk at a time. */
function textOf(stream: PassThrough): string {
  let text = '';
  for (let chunk; (chunk = stream.read() as Buffer | null) !== null;) {
    text += chunk.toString();
  }
  return text;
}

describe('the progress of an import', () => {
  it('is a line every few seconds where there is no terminal', () => {
    const stream = new PassThrough() as unknown as NodeJS.WriteStream & PassThrough;
    let now = 0;
    const display = createImportProgress(stream, () => now);
    display.update(progress(0, 0));
    now = 2000;
    display.update(progress(100, 200));
    now = 4000;
    display.update(progress(250, 400));
    now = 5000;
    display.update(progress(300, 500));
    display.stop();
    expect(textOf(stream)).toBe('25% | a.csv | 400 rows | 100 rows/s | 12 s left\n');
  });

  it('is a bar on a terminal, with rate and time left', () => {
    const terminal = Object.assign(new PassThrough(), {
      isTTY: true,
      columns: 200,
      cursorTo: () => true,
      moveCursor: () => true,
      clearLine: () => true,
    });
    const display = createImportProgress(terminal as unknown as NodeJS.WriteStream, () => 1000);
    display.update(progress(500, 42));
    display.stop();
    expect(textOf(terminal)).toMatch(/50% \| a\.csv \| 42 rows \| \d+ rows\/s \| .* left/);
  });
});
