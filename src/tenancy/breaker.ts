/**
 * Stops asking a data source that does not answer. Closed until `threshold` failures come in a row;
 * then open for `openMs`, when callers are refused at once; then one caller tries, and its outcome
 * closes or re-opens it.
 */
import { SECOND } from '../lib/duration';

export type BreakerState = 'closed' | 'open' | 'half-open';

export interface BreakerOptions {
  readonly threshold?: number;
  readonly openMs?: number;
  readonly now?: () => number;
}

export class Breaker {
  #failures = 0;
  #openedAt: number | undefined;
  #probing = false;
  readonly #threshold: number;
  readonly #openMs: number;
  readonly #now: () => number;

  constructor({ threshold = 2, openMs = 5 * SECOND, now = Date.now }: BreakerOptions = {}) {
    this.#threshold = threshold;
    this.#openMs = openMs;
    this.#now = now;
  }

  get state(): BreakerState {
    if (this.#openedAt === undefined) return 'closed';
    return this.#now() - this.#openedAt < this.#openMs ? 'open' : 'half-open';
  }

  /** Whether a caller may try now; in the half-open state only the first one may. */
  tryPass(): boolean {
    const state = this.state;
    if (state === 'closed') return true;
    if (state === 'open' || this.#probing) return false;
    this.#probing = true;
    return true;
  }

  succeed(): void {
    this.#failures = 0;
    this.#openedAt = undefined;
    this.#probing = false;
  }

  fail(): void {
    this.#failures += 1;
    this.#probing = false;
    if (this.#failures >= this.#threshold) this.#openedAt = this.#now();
  }

  /** The try ended without telling anything of the data source (the caller gave up). */
  abandon(): void {
    this.#probing = false;
  }
}
