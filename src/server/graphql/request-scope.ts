/**
 * How long a request may live: until it is answered, its client leaves or its deadline passes.
 * Whoever opens a scope closes it; closing ends the deadline and the listener.
 *
 * A class, as all that is made for every request: an object with accessors of its own would have a
 * hidden class of its own as well, by which V8 holds on to it until its next full collection.
 */
import type { ServerResponse } from 'node:http';
import { timeout } from '../../errors';
import { Deadlines, type Due } from '../../lib/deadlines';
import { clientGone } from '../http-error';

/** So late may a request be told that its time is over. */
const DEADLINES_EVERY_MS = 100;

const deadlines = new Deadlines(DEADLINES_EVERY_MS);

export class RequestScope implements Due {
  dueAt = 0;
  place: number | undefined;
  readonly #callbacks: ((reason: Error) => void)[] = [];
  readonly #response: ServerResponse;
  readonly #onClose = (): void => {
    if (!this.#response.writableFinished) this.#stop(clientGone());
  };
  #limitMs = 0;
  #reason: Error | undefined;
  #controller: AbortController | undefined;

  constructor(response: ServerResponse, deadlineMs: number) {
    this.#response = response;
    this.extendDeadline(deadlineMs);
    deadlines.add(this);
    response.once('close', this.#onClose);
  }

  /** Aborted with the reason when the request must stop. Made when it is asked for: few requests do. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const made = (this.#controller = new AbortController());
      this.onStop((why) => made.abort(why));
    }
    return this.#controller.signal;
  }

  /** What the work comes to; rejects with the reason when the request must stop before. */
  orStop<T>(work: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.onStop(reject);
      work.then(resolve, reject);
    });
  }

  /** Calls back with the reason when the request must stop, at once if it must already. */
  onStop(callback: (reason: Error) => void): void {
    if (this.#reason === undefined) this.#callbacks.push(callback);
    else callback(this.#reason);
  }

  /** Gives the request so long from now, for work that is slow by its nature. */
  extendDeadline(ms: number): void {
    this.#limitMs = ms;
    this.dueAt = performance.now() + ms;
  }

  onDue(): void {
    this.#stop(timeout(this.#limitMs));
  }

  close(): void {
    deadlines.remove(this);
    this.#response.removeListener('close', this.#onClose);
  }

  #stop(why: Error): void {
    if (this.#reason !== undefined) return;
    this.#reason = why;
    for (const callback of this.#callbacks) callback(why);
  }
}
