/** Does the work for each item, a bounded number at once; results stand in the items' order. */
export async function settleAll<I, O>(
  items: readonly I[],
  maxConcurrent: number,
  work: (item: I) => Promise<O>,
): Promise<PromiseSettledResult<O>[]> {
  const results: PromiseSettledResult<O>[] = [];
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    // All workers draw from one iterator, so each item is taken once.
    for (const [index, item] of queue) {
      [results[index]] = await Promise.allSettled([work(item)]);
    }
  };
  await Promise.all(Array.from({ length: Math.min(maxConcurrent, items.length) }, worker));
  return results;
}
