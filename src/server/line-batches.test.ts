import { createLineBatches, type LineBatches } from './line-batches';

describe('log lines', () => {
  let written: string[];
  let lines: LineBatches;
  let before: readonly unknown[];

  beforeEach(() => {
    jest.useFakeTimers();
    written = [];
    before = process.listeners('exit');
    // Like pino's: what is short stays until it is flushed.
    let held = '';
    const pass = (): void => {
      if (held !== '') written.push(held);
      held = '';
    };
    lines = createLineBatches({
      write: (text) => {
        held += text;
        if (held.length >= 8192) pass();
        return true;
      },
      flush: (onWritten) => {
        pass();
        onWritten?.();
      },
      flushSync: pass,
    });
  });
  afterEach(() => {
    jest.useRealTimers();
    for (const listener of added()) process.removeListener('exit', listener);
  });

  const added = () => process.listeners('exit').filter((listener) => !before.includes(listener));

  it('leave together, a moment after the first of them', () => {
    lines.write('a\n');
    jest.advanceTimersByTime(40);
    lines.write('b\n');
    expect(written).toEqual([]);
    jest.advanceTimersByTime(10);
    expect(written).toEqual(['a\nb\n']);
    lines.write('c\n');
    jest.advanceTimersByTime(50);
    expect(written).toEqual(['a\nb\n', 'c\n']);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('leave at once when many wait', () => {
    const line = `${'x'.repeat(999)}\n`;
    for (let count = 0; count < 9; count += 1) lines.write(line);
    expect(written).toEqual([line.repeat(9)]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('leave at once when they are flushed, and whoever asked is told', () => {
    const told = jest.fn();
    lines.write('a\n');
    lines.flush(told);
    expect(written).toEqual(['a\n']);
    expect(told).toHaveBeenCalledTimes(1);
  });

  it('are written when the process ends', () => {
    expect(added()).toEqual([]);
    lines.write('a\n');
    lines.write('b\n');
    const [atEnd, ...others] = added();
    expect(others).toEqual([]);
    (atEnd as () => void)();
    expect(written).toEqual(['a\nb\n']);
  });
});
