/**
 * Stops asking a data source that does not answer. Closed until `threshold` failures come in a row;
 * then open for `openMs`, when callers are refused at once; then one caller at a time probes, and the
 * outcome closes or re-opens it.
 */
import { SECOND } from '../lib/duration';

export type BreakerState = 'closed' | 'open' | 'half-open';

/** What a caller may do: go ahead, go ahead as the one who probes, or not. */
export type Passage = 'free' | 'probe' | 'refused';

export interface BreakerOptions {
  readonly threshold?: number;
  readonly openMs?: number;
  /** Milliseconds, never going back. */
  readonly now?: () => number;
}

export class Breaker {
  #failures = 0;
  #openedAt: number | undefined;
  #probing = false;
  readonly #threshold: number;
  readonly #openMs: number;
  readonly #now: () => number;

  constructor({
    threshold = 2,
    openMs = 5 * SECOND,
    now = () => performance.now(),
  }: BreakerOptions = {}) {
    this.#threshold = threshold;
    this.#openMs = openMs;
    this.#now = now;
  }

  get state(): BreakerState {
    if (this.#openedAt === undefined) return 'closed';
    return this.#now() - this.#openedAt < this.#openMs ? 'open' : 'half-open';
  }

  /** Who is let through as a probe must report: `succeed`, `fail`, `trip` or `abandon`. */
  pass(): Passage {
    const state = this.state;
    if (state === 'closed') return 'free';
    if (state === 'open' || this.#probing) return 'refused';
    this.#probing = true;
    return 'probe';
  }

  succeed(): void {
    this.#failures = 0;
    this.#openedAt = undefined;
    this.#probing = false;
  }

  /** @returns whether the breaker is open now. */
  fail(): boolean {
    this.#failures += 1;
    this.#probing = false;
    if (this.#failures < this.#threshold) return false;
    this.#openedAt = this.#now();
    return true;
  }

  /** Opens at once: what failed will not be better at the next try. */
  trip(): void {
    this.#failures = this.#threshold;
    this.#probing = false;
    this.#openedAt = this.#now();
  }

  /** The probe ended without telling anything of the data source (its caller gave up). */
  abandon(): void {
    this.#probing = false;
  }
}
