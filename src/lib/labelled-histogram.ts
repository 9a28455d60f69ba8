/**
 * A histogram of prom-client's kind, with one label, of which an observation costs next to nothing:
 * prom-client checks and hashes the labels anew for each. What is scraped is the same.
 */
import type { Metric, Registry } from 'prom-client';

export interface LabelledHistogramOptions {
  readonly name: string;
  readonly help: string;
  readonly label: string;
  /** Upper bounds, ascending. */
  readonly buckets: readonly number[];
  readonly registers: readonly Registry[];
}

/** The observations of one value of the label. */
interface Series {
  /** By bucket, those above the last bound in one more. */
  readonly counts: number[];
  sum: number;
}

export class LabelledHistogram {
  readonly name: string;
  readonly #options: LabelledHistogramOptions;
  readonly #series = new Map<string, Series>();

  constructor(options: LabelledHistogramOptions) {
    this.name = options.name;
    this.#options = options;
    // A registry asks a metric for its name and for what `get` resolves to.
    for (const registry of options.registers) registry.registerMetric(this as unknown as Metric);
  }

  observe(label: string, value: number): void {
    const { buckets } = this.#options;
    let series = this.#series.get(label);
    if (series === undefined) {
      series = { counts: new Array<number>(buckets.length + 1).fill(0), sum: 0 };
      this.#series.set(label, series);
    }
    let place = 0;
    while (place < buckets.length && value > (buckets[place] ?? 0)) place += 1;
    series.counts[place] = (series.counts[place] ?? 0) + 1;
    series.sum += value;
  }

  /** For the registry. */
  async get() {
    const { name, help, label } = this.#options;
    const values = [...this.#series].flatMap(([of, series]) =>
      this.#valuesOf({ [label]: of }, series),
    );
    return { name, help, type: 'histogram', values, aggregator: 'sum' };
  }

  #valuesOf(labels: Readonly<Record<string, string>>, { counts, sum }: Series) {
    const { name, buckets } = this.#options;
    let count = 0;
    const upTo = counts.map((inBucket, place) => {
      count += inBucket;
      const le = buckets[place] ?? '+Inf';
      return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: count };
    });
    return [
      ...upTo,
      { metricName: `${name}_sum`, labels, value: sum },
      { metricName: `${name}_count`, labels, value: count },
    ];
  }
}
