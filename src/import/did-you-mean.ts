/** ` Did you mean "name"?`, or nothing when no candidate is near enough to be meant. */
export function didYouMean(given: string, candidates: readonly string[]): string {
  const limit = Math.max(1, Math.floor(given.length / 3));
  const [best] = candidates
    .map((candidate) => ({
      candidate,
      distance: distance(given.toLowerCase(), candidate.toLowerCase()),
    }))
    .filter((each) => each.distance <= limit)
    .sort((a, b) => a.distance - b.distance);
  return best === undefined ? '' : ` Did you mean "${best.candidate}"?`;
}

/** Letters to add, leave out, change or swap with their neighbour (optimal string alignment). */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let line = 1; line <= a.length; line += 1) {
    const next = [line];
    for (let column = 1; column <= b.length; column += 1) {
      const isSame = a[line - 1] === b[column - 1];
      const isSwap = a[line - 1] === b[column - 2] && a[line - 2] === b[column - 1];
      next.push(
        Math.min(
          (row[column] ?? 0) + 1,
          (next[column - 1] ?? 0) + 1,
          (row[column - 1] ?? 0) + (isSame ? 0 : 1),
          isSwap && line > 1 && column > 1 ? (before[column - 2] ?? 0) + 1 : Infinity,
        ),
      );
    }
    [before, row] = [row, next];
  }
  return row[b.length] ?? 0;
}
