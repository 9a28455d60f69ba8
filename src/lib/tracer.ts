/**
 * What a part may say of how long its work took, within the request that it is for. Absent when
 * nothing is traced: then nothing is wrapped, and nothing costs anything.
 */
export type SpanFacts = Readonly<Record<string, string | number | boolean>>;

export interface Tracer {
  /** Runs the work; what it does in turn stands beneath it. Facts hold names, never values. */
  span<T>(name: string, facts: SpanFacts, work: () => Promise<T>): Promise<T>;
  /** Work that has just ended. @param seconds how long it took. */
  past(name: string, facts: SpanFacts, seconds: number): void;
}
