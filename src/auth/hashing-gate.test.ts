import { createHashingGate } from './hashing-gate';

/** Work that ends when it is told to. */
function createWork() {
  const started: string[] = [];
  const finishers = new Map<string, () => void>();
  const work = (name: string) => () =>
    new Promise<string>((resolve) => {
      started.push(name);
      finishers.set(name, () => resolve(name));
    });
  return { started, work, finish: (name: string) => finishers.get(name)?.() };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('the gate before the hashing', () => {
  it('lets no more in at once than it may, and the next when one is done, in order', async () => {
    const gate = createHashingGate({ maxConcurrent: 2, maxWaiting: 10 });
    const { started, work, finish } = createWork();
    const all = ['a', 'b', 'c', 'd'].map((name) => gate.run(work(name)));
    await settled();
    expect(started).toEqual(['a', 'b']);
    finish('b');
    await settled();
    all.push(gate.run(work('late')));
    await settled();
    expect(started).toEqual(['a', 'b', 'c']);
    for (const name of ['a', 'c', 'd', 'late']) {
      finish(name);
      await settled();
    }
    expect(await Promise.all(all)).toEqual(['a', 'b', 'c', 'd', 'late']);
  });

  it('refuses at once when too many wait', async () => {
    const gate = createHashingGate({ maxConcurrent: 1, maxWaiting: 1 });
    const { started, work, finish } = createWork();
    const running = gate.run(work('running'));
    const waiting = gate.run(work('waiting'));
    await expect(gate.run(work('refused'))).rejects.toMatchObject({ code: 'OVERLOADED' });
    finish('running');
    await running;
    await settled();
    finish('waiting');
    await waiting;
    expect(started).toEqual(['running', 'waiting']);
  });

  it('gives its place back when the work fails', async () => {
    const gate = createHashingGate({ maxConcurrent: 1, maxWaiting: 0 });
    await expect(gate.run(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await gate.run(async () => 'next')).toBe('next');
  });
});
