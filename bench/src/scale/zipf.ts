/** A skewed choice, the same at every run. */

/** Numbers from 0 (inclusive) to 1 (exclusive) that depend on the seed alone (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Draws from `items` by Zipf's law: the n-th is drawn 1/n^exponent as often as the first.
 * @returns `count` of them, in the order drawn.
 */
export function drawByZipf<T>(
  items: readonly T[],
  count: number,
  { exponent = 1, random }: { readonly exponent?: number; readonly random: () => number },
): T[] {
  const upTo: number[] = [];
  let total = 0;
  for (let rank = 1; rank <= items.length; rank += 1) {
    total += 1 / rank ** exponent;
    upTo.push(total);
  }
  return Array.from({ length: count }, () => {
    const drawn = items[firstAbove(upTo, random() * total)];
    if (drawn === undefined) throw new Error('There is nothing to draw from.');
    return drawn;
  });
}

/** A random order. */
export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const order = [...items];
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [order[last], order[other]] = [order[other] as T, order[last] as T];
  }
  return order;
}

/** The index of the first of the ascending values that is above the given one. */
function firstAbove(ascending: readonly number[], value: number): number {
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] ?? 0) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
