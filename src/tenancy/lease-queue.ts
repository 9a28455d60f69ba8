/**
 * Those who wait for a connection. Next is who belongs to the tenant that holds the fewest, of those
 * the one who came first: a tenant that asks for much waits behind its own requests, not others
 * behind it. Whoever is taken out is no longer timed.
 */
import { Deadlines, type Due } from '../lib/deadlines';
import type { FairShares } from './fair-shares';
import type { Lease } from './lease';

export interface Waiter {
  /** For whom; absent for the house's own work, which is nobody's share. */
  readonly tenantId: string | undefined;
  /** Let through by a breaker that wants to know the outcome. */
  readonly isProbe: boolean;
  readonly resolve: (lease: Lease) => void;
  readonly reject: (error: Error) => void;
}

export interface LeaseQueueOptions {
  readonly timeoutMs: number;
  readonly shares: FairShares;
  /** Called with the waiter's place in the order of arrival; it stays unless it is taken out. */
  readonly onTimeout: (place: number) => void;
}

/** So late may somebody be told that no connection was to be had in time. */
const TIMEOUTS_EVERY_MS = 50;

const timeouts = new Deadlines(TIMEOUTS_EVERY_MS);

export class LeaseQueue {
  readonly #waiters: (Waiter & Due)[] = [];

  constructor(private readonly options: LeaseQueueOptions) {}

  get length(): number {
    return this.#waiters.length;
  }

  waitingOf(tenantId: string): number {
    return this.#waiters.reduce((sum, waiter) => sum + (waiter.tenantId === tenantId ? 1 : 0), 0);
  }

  join({ tenantId, isProbe }: Pick<Waiter, 'tenantId' | 'isProbe'>): Promise<Lease> {
    const { timeoutMs, onTimeout } = this.options;
    return new Promise((resolve, reject) => {
      const waiter = {
        tenantId,
        isProbe,
        resolve,
        reject,
        place: undefined,
        dueAt: performance.now() + timeoutMs,
        onDue: () => onTimeout(this.#waiters.indexOf(waiter)),
      };
      this.#waiters.push(waiter);
      timeouts.add(waiter);
    });
  }

  /** How many of those who wait could be given a connection now, up to `most`. */
  servable(most: number): number {
    if (this.#waiters.length === 0) return 0;
    const wanted = new Map<string | undefined, number>();
    let count = 0;
    for (const { tenantId } of this.#waiters) {
      if (count >= most) break;
      const alreadyCounted = wanted.get(tenantId) ?? 0;
      if (alreadyCounted >= this.options.shares.roomOf(tenantId)) continue;
      wanted.set(tenantId, alreadyCounted + 1);
      count += 1;
    }
    return count;
  }

  /** Takes out whose turn it is. @returns undefined when nobody waits who may have one now */
  takeNext(): Waiter | undefined {
    const { shares } = this.options;
    let next = -1;
    let fewest = Number.POSITIVE_INFINITY;
    for (const [place, { tenantId }] of this.#waiters.entries()) {
      const held = shares.heldBy(tenantId);
      if (held >= fewest || shares.roomOf(tenantId) === 0) continue;
      next = place;
      fewest = held;
      if (held === 0) break;
    }
    return next === -1 ? undefined : this.take(next, 1)[0];
  }

  /** Takes out `count` waiters from `place` of the order of arrival on. */
  take(place: number, count: number): Waiter[] {
    const taken = this.#waiters.splice(place, count);
    for (const waiter of taken) timeouts.remove(waiter);
    return taken;
  }
}
