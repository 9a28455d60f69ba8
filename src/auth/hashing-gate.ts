import { overloaded } from '../errors';

export interface HashingGate {
  /** Runs the work when its turn comes. @throws OVERLOADED at once when too many wait already. */
  run<T>(work: () => Promise<T>): Promise<T>;
}

export interface HashingGateOptions {
  readonly maxConcurrent: number;
  readonly maxWaiting: number;
}

/**
 * First come, first served, a few at once, a bounded number waiting. A password hash is meant to be
 * expensive (19 MiB, about 20 ms of a core) and runs on libuv's four threads, which DNS look-ups and
 * compression need too: without the gate a flood of log-ins takes memory and threads from everyone.
 */
export function createHashingGate({ maxConcurrent, maxWaiting }: HashingGateOptions): HashingGate {
  const waiting: (() => void)[] = [];
  let running = 0;

  const enter = (): Promise<void> | undefined => {
    if (running < maxConcurrent) {
      running += 1;
      return undefined;
    }
    if (waiting.length >= maxWaiting) throw overloaded();
    return new Promise((resolve) => waiting.push(resolve));
  };
  // The place passes straight to the next in line: `running` never dips, so nobody can slip between.
  const leave = (): void => {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  };

  return {
    async run(work) {
      await enter();
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}
