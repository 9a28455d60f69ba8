/**
 * Lets operations into execution. All tenants share one event loop: what one of them keeps in flight,
 * the next one's answer is computed behind. So no more are let in than keep the loop busy, the others
 * wait out here, where waiting costs nothing, and next is whoever has the fewest in execution, first
 * come, first served within a tenant. Who has none in execution never waits: neither a neighbour's
 * flood nor a neighbour's slow database keeps anybody out.
 *
 * A place is taken for each operation and left exactly once; nothing here outlives its places.
 */
import { overloaded } from '../../errors';
import { clientGone } from '../http-error';
import type { LoopRoom } from './loop-room';
import { createNeighbours } from './neighbours';

export interface FairAdmission {
  /** @param who whose operation it is: operations of one who share what is fair. */
  take(who: string): Place;
  stats(): AdmissionStats;
}

export interface Place {
  /** Absent when there was room, so that nobody waits who need not; rejects with OVERLOADED. */
  readonly admitted: Promise<void> | undefined;
  /** When the operation is over, or nobody waits for it any more. Safe to call twice. */
  leave(): void;
}

export interface AdmissionStats {
  readonly running: number;
  readonly waiting: number;
  /** How many may run at once now. */
  readonly limit: number;
  /** Since the start: those who had to wait, how long together, and whom it was refused. */
  readonly waits: number;
  readonly waitedMs: number;
  readonly refused: Readonly<Record<Refusal, number>>;
}

type Refusal = 'queue_full' | 'timeout';

export interface FairAdmissionOptions {
  readonly room: LoopRoom;
  /** Most that wait at once; one tenant's are at most half of it. */
  readonly queueLimit: number;
  readonly timeoutMs: number;
}

/** One tenant's part. */
interface Share {
  readonly who: string;
  running: number;
  readonly waiting: Waiter[];
}

interface Waiter {
  readonly since: number;
  /** Ends the waiting: with an error for who is not let in. */
  readonly settle: (refusal?: Error) => void;
}

const LOOK_EVERY_MS = 20;
/** How busy the loop was in a shorter time is chance: it is always busy where somebody asks it. */
const LOOK_NOT_WITHIN_MS = LOOK_EVERY_MS / 2;

export function createFairAdmission(options: FairAdmissionOptions): FairAdmission {
  const { room, queueLimit, timeoutMs } = options;
  const shares = new Map<string, Share>();
  /** Those with waiters; of equals, first is who was served longest ago. */
  const queue = new Set<Share>();
  const refused = { queue_full: 0, timeout: 0 };
  let [running, waiting, waits, waitedMs] = [0, 0, 0, 0];
  let looking: NodeJS.Timeout | undefined;
  let lookedAt = 0;
  const neighbours = createNeighbours();

  /** Only when somebody would use more than one place. */
  const look = (): void => {
    lookedAt = performance.now();
    room.look(neighbours.areQuiet(), running >= room.limit);
    serve();
    refuseLate(lookedAt - timeoutMs);
  };
  const lookAgain = (): void => {
    if (performance.now() - lookedAt >= LOOK_NOT_WITHIN_MS) look();
  };

  /** Within a tenant, who waits longest stands first: no timer is needed for each. */
  function refuseLate(since: number): void {
    for (const { waiting: waiters } of queue) {
      while (waiters[0] !== undefined && waiters[0].since < since) {
        refused.timeout += 1;
        waiters[0].settle(overloaded());
      }
    }
  }

  function shareOf(who: string): Share {
    let share = shares.get(who);
    if (share === undefined) shares.set(who, (share = { who, running: 0, waiting: [] }));
    return share;
  }

  function fewest(): Share | undefined {
    let found: Share | undefined;
    for (const share of queue) {
      if (found === undefined || share.running < found.running) found = share;
      if (found.running === 0) break;
    }
    return found;
  }

  const hasRoom = (share: Share): boolean => share.running === 0 || running < room.limit;

  function run(share: Share): void {
    share.running += 1;
    running += 1;
    neighbours.letIn(share.who);
  }

  function serve(): void {
    for (let next = fewest(); next !== undefined && hasRoom(next); next = fewest()) {
      run(next);
      next.waiting[0]?.settle();
      if (queue.delete(next)) queue.add(next); // behind the others
    }
  }

  function unqueue(share: Share, waiter: Waiter): void {
    share.waiting.splice(share.waiting.indexOf(waiter), 1);
    if (share.waiting.length === 0) queue.delete(share);
    waiting -= 1;
    if (waiting > 0) return;
    clearInterval(looking);
    looking = undefined;
  }

  function wait(share: Share): Place {
    let state: 'waiting' | 'running' | 'left' = 'waiting';
    const { promise, waiter } = createWaiter((outcome) => {
      state = outcome === undefined ? 'running' : 'left';
      waits += 1;
      waitedMs += performance.now() - waiter.since;
      unqueue(share, waiter);
      if (outcome !== undefined) forget(share);
    });
    share.waiting.push(waiter);
    queue.add(share);
    waiting += 1;
    looking ??= setInterval(lookAgain, LOOK_EVERY_MS);
    return {
      admitted: promise,
      leave: () => {
        if (state === 'waiting') waiter.settle(clientGone());
        else if (state === 'running') leave(share);
        state = 'left';
      },
    };
  }

  function leave(share: Share): void {
    share.running -= 1;
    running -= 1;
    forget(share);
    if (waiting > 0) serve();
  }

  function forget({ who, running: its, waiting: waiters }: Share): void {
    if (its === 0 && waiters.length === 0) shares.delete(who);
  }

  return {
    take(who) {
      const share = shareOf(who);
      // Also where there is room: it may be more than a quiet neighbour leaves.
      if (share.running > 0 && performance.now() - lookedAt >= LOOK_EVERY_MS) look();
      if (hasRoom(share)) {
        run(share);
        let isOver = false;
        return {
          admitted: undefined,
          leave: () => {
            if (!isOver) leave(share);
            isOver = true;
          },
        };
      }
      // Whoever floods is refused while the others still find a place to wait.
      if (waiting >= queueLimit || share.waiting.length >= Math.ceil(queueLimit / 2)) {
        refused.queue_full += 1;
        throw overloaded();
      }
      return wait(share);
    },
    stats: () => ({
      running,
      waiting,
      limit: room.limit,
      waits,
      waitedMs,
      refused: { ...refused },
    }),
  };
}

function createWaiter(onSettled: (refusal: Error | undefined) => void) {
  let settle: Waiter['settle'] = () => undefined;
  const promise = new Promise<void>((resolve, reject) => {
    settle = (refusal) => {
      onSettled(refusal);
      if (refusal === undefined) resolve();
      else reject(refusal);
    };
  });
  // Who has left does not hear of it.
  promise.catch(() => undefined);
  return { promise, waiter: { since: performance.now(), settle } };
}
