/**
 * How many operations the event loop has room for: as many as keep it busy, and no more, for every
 * one beyond makes the others later and none sooner. How many that are depends on how long the
 * databases take, so it is found out: while the loop is idle in between, more are let in; while it
 * hardly is, fewer. Those who all ask for much have the whole of the loop, and always so many at once
 * that it does several things at a turn, which costs less for each. Where somebody quiet is beside
 * them, nearly half of the loop's time stays free, so that whoever seldom asks finds it idle.
 */
import { performance } from 'node:perf_hooks';

export interface LoopRoom {
  /** Operations that may be in execution at once now. */
  readonly limit: number;
  /**
   * Adjusts the limit to how busy the loop was since it was looked at last.
   * @param areQuietThere whether somebody who asks for little was there lately too.
   * @param isShort whether all of it is used.
   */
  look(areQuietThere: boolean, isShort: boolean): void;
}

export interface LoopRoomOptions {
  /** What those who ask for much have together, however busy the loop is, where nobody quiet is. */
  readonly least: number;
  /** Share of the time since it was asked last in which the loop worked, 0 to 1. */
  readonly utilization?: () => number;
}

interface Aim {
  /** Below it the loop waits for databases, while somebody waits for the loop. */
  readonly idleBelow: number;
  /** Above it most operations find another's work before theirs. */
  readonly busyAbove: number;
  readonly shrinkage: number;
}

const AMONG_EQUALS: Aim = { idleBelow: 0.8, busyAbove: 0.9, shrinkage: 0.75 };
const BESIDE_QUIET: Aim = { idleBelow: 0.5, busyAbove: 0.6, shrinkage: 0.5 };
/** Below it nothing is short: whatever was found out before is of no use any more. */
const REST_BELOW = 0.25;
const GROWTH = 1.5;
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
    look(areQuietThere, isShort) {
      const busy = utilization();
      const { idleBelow, busyAbove, shrinkage } = areQuietThere ? BESIDE_QUIET : AMONG_EQUALS;
      if (busy > busyAbove) limit = Math.floor(limit * shrinkage);
      else if (busy < idleBelow && isShort) limit = Math.min(Math.ceil(limit * GROWTH), MOST);
      // Whoever has none in execution is let in all the same: one is each tenant's.
      limit = Math.max(limit, areQuietThere && busy >= REST_BELOW ? 1 : least);
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
