import { createFollowUpWork } from './follow-up-work';
import { SILENT } from './log';

/** Fails the given number of times before it succeeds. */
function failing(times: number) {
  const attempts: number[] = [];
  return {
    attempts,
    work: async () => {
      attempts.push(attempts.length + 1);
      if (attempts.length <= times) throw new Error('not yet');
    },
  };
}

function noting() {
  const lines: (readonly [string, string, unknown])[] = [];
  const at = (level: string) => (details: Readonly<Record<string, unknown>>, message: string) =>
    void lines.push([level, message, details['work']]);
  return { lines, log: { info: at('info'), warn: at('warn'), error: at('error') } };
}

describe('follow-up work', () => {
  it('is tried again until it succeeds', async () => {
    const { lines, log } = noting();
    const followUps = createFollowUpWork({ log, pausesMs: [1, 1, 1] });
    const { attempts, work } = failing(2);
    followUps.add('mail', work);
    await followUps.settled();
    expect(attempts).toEqual([1, 2, 3]);
    expect(lines.map(([level]) => level)).toEqual(['warn', 'warn']);
  });

  it('that fails for good is not lost in silence', async () => {
    const { lines, log } = noting();
    const followUps = createFollowUpWork({ log, pausesMs: [1] });
    followUps.add('mail', failing(9).work);
    await followUps.settled();
    expect(lines.at(-1)).toEqual(['error', 'follow-up work failed and is given up', 'mail']);
  });

  it('does not make its giver wait, nor fail', () => {
    const followUps = createFollowUpWork({ log: SILENT, pausesMs: [] });
    let begun = false;
    followUps.add('mail', () => {
      begun = true;
      return new Promise(() => undefined);
    });
    expect(begun).toBe(true);
  });

  it('runs a few at once', async () => {
    const followUps = createFollowUpWork({ log: SILENT, maxConcurrent: 2 });
    let running = 0;
    let most = 0;
    for (let i = 0; i < 6; i += 1)
      followUps.add('mail', async () => {
        most = Math.max(most, (running += 1));
        await new Promise((resolve) => setTimeout(resolve, 1));
        running -= 1;
      });
    await followUps.settled();
    expect([most, running]).toEqual([2, 0]);
  });

  it('is refused when too much waits', async () => {
    const followUps = createFollowUpWork({ log: SILENT, maxWaiting: 1 });
    const { promise, resolve } = withResolver();
    followUps.add('mail', () => promise);
    expect(() => followUps.add('mail', async () => undefined)).toThrow(/at most 1/);
    resolve();
    await followUps.settled();
  });

  it('is tried once more at the end, and then the process can go', async () => {
    const { lines, log } = noting();
    const followUps = createFollowUpWork({ log, pausesMs: [1_000_000] });
    const saved = failing(1);
    const lost = failing(9);
    followUps.add('saved', saved.work);
    followUps.add('lost', lost.work);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await followUps.close();
    expect([saved.attempts, lost.attempts]).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(lines.filter(([level]) => level === 'error').map(([, , work]) => work)).toEqual([
      'lost',
    ]);
    expect(() => followUps.add('mail', async () => undefined)).toThrow();
  });
});

function withResolver(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void; // set by the constructor before it returns
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}
