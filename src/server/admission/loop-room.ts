/**
 * How many operations the event loop has room for: as many as keep it busy, and no more, for every
 * one beyond makes the others later and none sooner. How many that are depends on how long the
 * databases take, so it is found out: while the loop is idle in between, more are let in; while it
 * hardly is, fewer. A tenant that is alone always has as many as use all of the loop; where others
 * are there too, some of the loop's time stays free, for what it has to do at once.
 */
import { performance } from 'node:perf_hooks';

export interface LoopRoom {
  /** Operations that may be in execution at once now. */
  readonly limit: number;
  /**
   * Adjusts the limit to how busy the loop was since it was looked at last.
   * @param hasNeighbours whether more than one tenant has asked for something lately.
   */
  look(hasNeighbours: boolean): void;
}

export interface LoopRoomOptions {
  /** What a tenant has that is alone, however busy the loop is. */
  readonly least: number;
  /** Share of the time since it was asked last in which the loop worked, 0 to 1. */
  readonly utilization?: () => number;
}

/** Below it the loop waits for databases, while somebody waits for the loop. */
const IDLE_BELOW = 0.8;
/** Above it most operations find another's work before theirs. */
const BUSY_ABOVE = 0.9;
/** Below it nothing is short: whatever was found out before is of no use any more. */
const REST_BELOW = 0.5;
const GROWTH = 1.5;
const SHRINKAGE = 0.75;
/** More would only wait for connections, of which each tenant has a fair share too. */
const MOST = 1000;

export function createLoopRoom({
  least,
  utilization = createUtilization(),
}: LoopRoomOptions): LoopRoom {
  let limit = least;
  return {
    get limit() {
      return limit;
    },
    look(hasNeighbours) {
      const busy = utilization();
      if (busy < IDLE_BELOW) limit = Math.min(Math.ceil(limit * GROWTH), MOST);
      else if (busy > BUSY_ABOVE) limit = Math.floor(limit * SHRINKAGE);
      // Whoever has none in execution is let in all the same: one is each tenant's.
      limit = Math.max(limit, hasNeighbours && busy >= REST_BELOW ? 1 : least);
    },
  };
}

/**
 * A loop that gets no processor has work all the time and does little of it. Letting fewer in would
 * help nobody then, so that where it got less than half of what it wanted, what it got counts.
 */
function createUtilization(): () => number {
  let last = { at: performance.now(), loop: performance.eventLoopUtilization(), cpu: cpuMs() };
  return () => {
    const now = { at: performance.now(), loop: performance.eventLoopUtilization(), cpu: cpuMs() };
    const { utilization } = performance.eventLoopUtilization(now.loop, last.loop);
    const worked = (now.cpu - last.cpu) / Math.max(now.at - last.at, 1);
    last = now;
    return worked < utilization / 2 ? worked : utilization;
  };
}

/** Of all threads: garbage is collected beside the loop, and some of it in its stead. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
