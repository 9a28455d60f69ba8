import { createNeighbours, type Neighbours } from './neighbours';

const letInTimes = (neighbours: Neighbours, counts: Readonly<Record<string, number>>): void => {
  for (const [who, count] of Object.entries(counts)) {
    for (let times = 0; times < count; times += 1) neighbours.letIn(who);
  }
};

describe('neighbours', () => {
  let neighbours: Neighbours;
  beforeEach(() => {
    jest.useFakeTimers();
    neighbours = createNeighbours();
  });
  afterEach(() => jest.useRealTimers());

  it.each([
    ['nobody', {}, false],
    ['one alone', { a: 100 }, false],
    ['all as often', { a: 100, b: 95, c: 105, d: 100 }, false],
    ['one far less often than the other', { a: 100, b: 5 }, true],
    ['one far less often than several others', { a: 100, b: 98, c: 102, quiet: 3 }, true],
    ['many far less often than one', { a: 100, b: 5, c: 5, d: 5, e: 5, f: 5 }, true],
  ])('are quiet or not: %s was let in', (_who, counts, areQuiet) => {
    letInTimes(neighbours, counts);
    expect(neighbours.areQuiet()).toBe(areQuiet);
  });

  it('are remembered for five seconds, and up to ten', () => {
    letInTimes(neighbours, { a: 100, b: 5 });
    jest.advanceTimersByTime(5000);
    letInTimes(neighbours, { a: 100 });
    expect(neighbours.areQuiet()).toBe(true);
    jest.advanceTimersByTime(5000);
    letInTimes(neighbours, { a: 100 });
    expect(neighbours.areQuiet()).toBe(false);
  });

  it('are forgotten where nobody has come for ten seconds', () => {
    letInTimes(neighbours, { a: 100, b: 5 });
    jest.advanceTimersByTime(10_000);
    expect(neighbours.areQuiet()).toBe(false);
  });
});
