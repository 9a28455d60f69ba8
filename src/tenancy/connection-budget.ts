/**
 * Bounds the connections of the whole process. A place is taken before a connection is made and
 * given back when it has ended, whatever pool it belongs to. A pool that finds no place claims one:
 * somebody's idle connection is closed for it, or it is served when a place comes free. Claims are
 * served in order and one place at a time, so pools take turns however many wait in each.
 */
import { SECOND } from '../lib/duration';

/** A pool as the budget sees it. */
export interface Claimant {
  /** A place may be free: take it now or claim again. */
  onPlaceFree(): void;
  /** When the idle connection that nobody has used for longest was used last; absent without any. */
  readonly idleSince: number | undefined;
  /** Closes that one; resolves when it is done or has come to nothing. */
  closeIdle(): Promise<void>;
}

export interface ConnectionBudget {
  readonly limit: number;
  readonly taken: () => number;
  /** Pools that wait for a place. */
  readonly claims: () => number;
  /** @returns whether there was a place. */
  tryTake(): boolean;
  give(): void;
  claim(pool: Claimant): void;
  withdraw(pool: Claimant): void;
  /** An idle connection may have come into being: closes one if a claim waits for it. */
  settle(): void;
  /** Whether another pool has waited so long that a busy pool should give up what it gets back. */
  isOwed(by: Claimant): boolean;
  /** A connection is being closed for one of the claims. */
  expect(closing: Promise<void>): void;
}

export interface ConnectionBudgetOptions {
  readonly limit: number;
  /** The pools that exist, to find an idle connection in. */
  readonly pools: () => Iterable<Claimant>;
  readonly now?: () => number;
}

/**
 * A busy pool may reuse its own connections for so long while another waits: a connection that
 * changes pools costs a log-in, so they must not change with every request, nor stay for ever.
 */
const PATIENCE_MS = SECOND / 10;

export function createConnectionBudget(options: ConnectionBudgetOptions): ConnectionBudget {
  const { limit, pools, now = () => performance.now() } = options;
  /** With the time of the claim, oldest first. */
  const claims = new Map<Claimant, number>();
  let taken = 0;
  let closing = 0;

  const admit = (): void => {
    while (taken < limit) {
      const [next] = claims.keys();
      if (next === undefined) return;
      claims.delete(next);
      next.onPlaceFree();
    }
  };

  const expect = (closed: Promise<void>): void => {
    closing += 1;
    void closed.finally(() => {
      closing -= 1;
      settle();
    });
  };

  const settle = (): void => {
    while (claims.size > closing) {
      const idlest = withLongestIdle(pools());
      if (idlest === undefined) return;
      expect(idlest.closeIdle());
    }
  };

  return {
    limit,
    taken: () => taken,
    claims: () => claims.size,
    tryTake() {
      if (taken >= limit) return false;
      taken += 1;
      return true;
    },
    give() {
      taken -= 1;
      admit();
    },
    claim(pool) {
      if (!claims.has(pool)) claims.set(pool, now());
      settle();
    },
    withdraw: (pool) => void claims.delete(pool),
    settle,
    expect,
    isOwed(by) {
      if (claims.size <= closing) return false;
      for (const [claimant, since] of claims) {
        if (claimant !== by) return now() - since > PATIENCE_MS;
      }
      return false;
    },
  };
}

/**
 * Connections are compared, not pools: what a busy data source once needed for a rush, and does not
 * use any more, goes before the only connection of a quieter one.
 */
function withLongestIdle(pools: Iterable<Claimant>): Claimant | undefined {
  let longest: Claimant | undefined;
  let since = Number.POSITIVE_INFINITY;
  for (const pool of pools) {
    const { idleSince = Number.POSITIVE_INFINITY } = pool;
    if (idleSince >= since) continue;
    longest = pool;
    since = idleSince;
  }
  return longest;
}
