/** Sends requests over a number of connections, each waiting for its answer before the next. */
import { setTimeout as delay } from 'node:timers/promises';
import { openHttpConnection, type HttpAnswer } from './http-connection';

/** Looks at an answer; throws when it is not what was asked for. */
export type CheckAnswer = (
  answer: HttpAnswer,
  requestIndex: number,
  full: boolean,
  milliseconds: number,
) => void;

export interface Load {
  readonly port: number;
  readonly requests: readonly Buffer[];
  readonly connections: number;
  readonly seconds: number;
  /** Each connection sends no more often than this; without it, as soon as it has its answer. */
  readonly everyMs?: number;
  readonly check: CheckAnswer;
  readonly signal: AbortSignal;
}

export interface LoadResult {
  readonly requests: number;
  readonly elapsedSeconds: number;
  /** Milliseconds, ascending. */
  readonly latencies: Float64Array;
}

/** Every so many answers one is compared as a whole; of the others status and length. */
const FULL_CHECK_EVERY = 16;

export async function runLoad(load: Load): Promise<LoadResult> {
  const latencies: number[] = [];
  const open = await Promise.all(
    Array.from({ length: load.connections }, () => openHttpConnection(load.port)),
  );
  const { everyMs = 0 } = load;
  const begun = performance.now();
  const until = begun + load.seconds * 1000;
  let next = 0;

  async function client(connection: (typeof open)[number], place: number): Promise<void> {
    // Evenly over the time, not all at once again and again.
    if (everyMs > 0) await delay((everyMs * place) / load.connections);
    for (let sent = performance.now(); sent < until && !load.signal.aborted;) {
      const serial = next;
      next += 1;
      const index = serial % load.requests.length;
      const request = load.requests[index];
      if (request === undefined) throw new Error('There is nothing to send.');
      const answer = await connection.send(request);
      const now = performance.now();
      const milliseconds = now - sent;
      latencies.push(milliseconds);
      sent = now;
      load.check(answer, index, serial % FULL_CHECK_EVERY === 0, milliseconds);
      if (milliseconds < everyMs) {
        await delay(everyMs - milliseconds);
        sent = performance.now();
      }
    }
  }

  const close = (): void => {
    for (const connection of open) connection.close();
  };
  // An answer that never comes must not keep an interrupted run waiting.
  load.signal.addEventListener('abort', close, { once: true });
  try {
    await Promise.all(open.map(client));
  } finally {
    load.signal.removeEventListener('abort', close);
    close();
  }
  load.signal.throwIfAborted();
  const elapsedSeconds = (performance.now() - begun) / 1000;
  return {
    requests: latencies.length,
    elapsedSeconds,
    latencies: Float64Array.from(latencies).sort(),
  };
}
