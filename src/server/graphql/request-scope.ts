/**
 * How long a request may live: until it is answered, its client leaves or its deadline passes.
 * Whoever opens a scope closes it; closing ends the timer and the listener.
 */
import type { ServerResponse } from 'node:http';
import { timeout } from '../../errors';
import { clientGone } from '../http-error';

export interface RequestScope {
  /** Aborted with the reason when the request must stop. */
  readonly signal: AbortSignal;
  /** Rejects with the reason when the request must stop; never resolves. */
  readonly stopped: Promise<never>;
  close(): void;
}

export function openRequestScope(response: ServerResponse, deadlineMs: number): RequestScope {
  const controller = new AbortController();
  const { signal } = controller;
  const stopped = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  // Nobody may be waiting when it rejects; that alone is no fault.
  stopped.catch(() => undefined);

  const deadline = setTimeout(() => controller.abort(timeout(deadlineMs)), deadlineMs);
  const onClose = (): void => {
    if (!response.writableFinished) controller.abort(clientGone());
  };
  response.once('close', onClose);

  return {
    signal,
    stopped,
    close() {
      clearTimeout(deadline);
      response.removeListener('close', onClose);
    },
  };
}
