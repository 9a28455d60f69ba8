/**
 * Sums by the values of labels, for counters that are read when they are scraped: prom-client checks
 * and hashes the labels anew each time it counts.
 */
export interface Tally {
  readonly labels: readonly string[];
  sum: number;
}

export class Tallies {
  readonly #byLabels = new Map<string, Tally>();

  add(sum: number, ...labels: readonly string[]): void {
    const key = labels.join('\n');
    const tally = this.#byLabels.get(key);
    if (tally === undefined) this.#byLabels.set(key, { labels, sum });
    else tally.sum += sum;
  }

  /** In the order in which they began. */
  all(): Iterable<Tally> {
    return this.#byLabels.values();
  }
}
