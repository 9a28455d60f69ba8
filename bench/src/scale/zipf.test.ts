import { drawByZipf, randomFrom, shuffled } from './zipf';

describe('a draw by Zipf’s law', () => {
  it('is the same at every run', () => {
    const draw = () => drawByZipf(['a', 'b', 'c'], 50, { random: randomFrom(1) });
    expect(draw()).toEqual(draw());
    expect(drawByZipf(['a', 'b', 'c'], 50, { random: randomFrom(2) })).not.toEqual(draw());
  });

  it('has the n-th an n-th as often as the first', () => {
    const items = Array.from({ length: 100 }, (_, at) => at);
    const drawn = drawByZipf(items, 100_000, { random: randomFrom(3) });
    const count = (item: number) => drawn.filter((each) => each === item).length;
    expect(count(0) / count(1)).toBeCloseTo(2, 0);
    expect(count(0) / count(9)).toBeGreaterThan(8.5);
    expect(count(0) / count(9)).toBeLessThan(11.5);
    expect(new Set(drawn).size).toBe(100);
  });

  it('says what is wrong when there is nothing to draw from', () => {
    expect(() => drawByZipf([], 1, { random: randomFrom(1) })).toThrow('nothing to draw from');
  });
});

describe('a random order', () => {
  it('has every item once, and leaves the given list alone', () => {
    const items = Object.freeze(Array.from({ length: 50 }, (_, at) => at));
    const order = shuffled(items, randomFrom(5));
    expect(order).not.toEqual(items);
    expect([...order].sort((a, b) => a - b)).toEqual(items);
  });
});
