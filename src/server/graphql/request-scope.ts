/**
 * How long a request may live: until it is answered, its client leaves or its deadline passes.
 * Whoever opens a scope closes it; closing ends the timer and the listener.
 */
import type { ServerResponse } from 'node:http';
import { timeout } from '../../errors';
import { clientGone } from '../http-error';

export interface RequestScope {
  /** Aborted with the reason when the request must stop. Made when it is asked for: few requests do. */
  readonly signal: AbortSignal;
  /** Rejects with the reason when the request must stop; never resolves. */
  readonly stopped: Promise<never>;
  /** Calls back with the reason when the request must stop, at once if it must already. */
  onStop(callback: (reason: Error) => void): void;
  /** Gives the request so long from now, for work that is slow by its nature. */
  extendDeadline(ms: number): void;
  close(): void;
}

export function openRequestScope(response: ServerResponse, deadlineMs: number): RequestScope {
  const callbacks: ((reason: Error) => void)[] = [];
  let reason: Error | undefined;
  let controller: AbortController | undefined;

  const onStop = (callback: (reason: Error) => void): void => {
    if (reason === undefined) callbacks.push(callback);
    else callback(reason);
  };
  const stop = (why: Error): void => {
    if (reason !== undefined) return;
    reason = why;
    for (const callback of callbacks) callback(why);
  };
  const stopped = new Promise<never>((_resolve, reject) => onStop(reject));
  // Nobody may be waiting when it rejects; that alone is no fault.
  stopped.catch(() => undefined);

  let deadline: NodeJS.Timeout | undefined;
  const extendDeadline = (ms: number): void => {
    clearTimeout(deadline);
    deadline = setTimeout(() => stop(timeout(ms)), ms);
  };
  extendDeadline(deadlineMs);
  const onClose = (): void => {
    if (!response.writableFinished) stop(clientGone());
  };
  response.once('close', onClose);

  return {
    get signal() {
      if (controller === undefined) {
        const made = (controller = new AbortController());
        onStop((why) => made.abort(why));
      }
      return controller.signal;
    },
    stopped,
    onStop,
    extendDeadline,
    close() {
      clearTimeout(deadline);
      response.removeListener('close', onClose);
    },
  };
}
