/**
 * How many of a pool's connections each tenant holds, and how many one may hold. In a shared data
 * source a part is never one tenant's: whoever comes to a pool that a neighbour keeps busy finds a
 * connection at once, not after the neighbour's slowest statement. The house's own work (checks,
 * health) counts for nobody and is bounded by nothing but the pool.
 */
export interface FairShares {
  heldBy(tenantId: string | undefined): number;
  /** How many more the tenant may take. */
  roomOf(tenantId: string | undefined): number;
  take(tenantId: string | undefined): void;
  give(tenantId: string | undefined): void;
}

/** Of a pool's connections, this part stays for others than the tenant that has the most. */
const PART_FOR_OTHERS = 1 / 4;

/** What one tenant may hold of a pool that it shares. */
export const shareOf = (poolMax: number): number =>
  poolMax < 2 ? poolMax : poolMax - Math.max(1, Math.floor(poolMax * PART_FOR_OTHERS));

/** @param most what one tenant may hold. */
export function createFairShares(most: number): FairShares {
  const held = new Map<string, number>();
  const heldBy = (tenantId: string | undefined): number =>
    tenantId === undefined ? 0 : (held.get(tenantId) ?? 0);
  return {
    heldBy,
    roomOf: (tenantId) =>
      tenantId === undefined ? Number.POSITIVE_INFINITY : Math.max(most - heldBy(tenantId), 0),
    take(tenantId) {
      if (tenantId !== undefined) held.set(tenantId, heldBy(tenantId) + 1);
    },
    give(tenantId) {
      if (tenantId === undefined) return;
      const left = heldBy(tenantId) - 1;
      if (left > 0) held.set(tenantId, left);
      else held.delete(tenantId);
    },
  };
}
