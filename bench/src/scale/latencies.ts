/** What a load was answered: how fast, and with which codes. */
import type { HttpAnswer } from '../http-connection';

export interface Summary {
  readonly requests: number;
  /** Answers with data. */
  readonly perSecond: number;
  readonly refusedPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Answers with an error, by its public code. */
  readonly errors: Readonly<Record<string, number>>;
}

/** @param ascending milliseconds. */
export const percentile = (ascending: ArrayLike<number>, share: number): number =>
  ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * share))] ?? Number.NaN;

/** Gathers answers. Refused ones are counted; what they took is no answer's latency. */
export class Tally {
  readonly #milliseconds: number[] = [];
  readonly #errors = new Map<string, number>();
  #answers = 0;

  add(answer: HttpAnswer, milliseconds: number): void {
    this.#answers += 1;
    const code = errorCodeOf(answer);
    if (code === undefined) this.#milliseconds.push(milliseconds);
    else this.#errors.set(code, (this.#errors.get(code) ?? 0) + 1);
  }

  get milliseconds(): readonly number[] {
    return this.#milliseconds;
  }

  summary(elapsedSeconds: number): Summary {
    const sorted = Float64Array.from(this.#milliseconds).sort();
    return {
      requests: this.#answers,
      perSecond: sorted.length / elapsedSeconds,
      refusedPerSecond: (this.#answers - sorted.length) / elapsedSeconds,
      p50Ms: percentile(sorted, 0.5),
      p99Ms: percentile(sorted, 0.99),
      maxMs: sorted.at(-1) ?? Number.NaN,
      errors: Object.fromEntries(this.#errors),
    };
  }
}

/** @returns undefined for an answer with data and no error. */
export function errorCodeOf({ status, body }: HttpAnswer): string | undefined {
  if (status === 200 && !body.includes('"errors":[')) return undefined;
  const text = body.toString();
  return /"code":"([A-Z_]+)"/.exec(text)?.[1] ?? `HTTP ${status}`;
}

export const addErrors = (
  all: readonly Readonly<Record<string, number>>[],
): Readonly<Record<string, number>> => {
  const sums: Record<string, number> = {};
  for (const errors of all) {
    for (const [code, count] of Object.entries(errors)) sums[code] = (sums[code] ?? 0) + count;
  }
  return sums;
};
