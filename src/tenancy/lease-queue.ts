/** Those who wait for a connection, in order of arrival. Whoever is taken out is no longer timed. */
import type { Lease } from './pools';

export interface Waiter {
  /** Let through by a breaker that wants to know the outcome. */
  readonly isProbe: boolean;
  readonly resolve: (lease: Lease) => void;
  readonly reject: (error: Error) => void;
}

export interface LeaseQueueOptions {
  readonly timeoutMs: number;
  /** Called with the waiter's place in the queue, 0 for the next; it stays unless it is taken out. */
  readonly onTimeout: (place: number) => void;
}

export class LeaseQueue {
  readonly #waiters: (Waiter & { readonly timer: NodeJS.Timeout })[] = [];

  constructor(private readonly options: LeaseQueueOptions) {}

  get length(): number {
    return this.#waiters.length;
  }

  join({ isProbe }: Pick<Waiter, 'isProbe'>): Promise<Lease> {
    const { timeoutMs, onTimeout } = this.options;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => onTimeout(this.#waiters.indexOf(waiter)), timeoutMs);
      const waiter = { isProbe, resolve, reject, timer };
      this.#waiters.push(waiter);
    });
  }

  /** Takes out `count` waiters from `place` on. */
  take(place: number, count: number): Waiter[] {
    const taken = this.#waiters.splice(place, count);
    for (const { timer } of taken) clearTimeout(timer);
    return taken;
  }
}
