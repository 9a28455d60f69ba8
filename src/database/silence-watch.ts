/**
 * Watches connections on which an answer is awaited. A statement that is slow on a living server is
 * the server's to end (`statement_timeout`); a server that is gone without a word is noticed here,
 * for TCP alone would take minutes.
 *
 * One watch for each connection, alive while something is awaited on it; an answer to anything is a
 * sign of life for everything behind it.
 */
import type { ClientBase } from 'pg';
import { tenantUnavailable, timeout } from '../errors';
import { Deadlines, type Due } from '../lib/deadlines';
import { SECOND } from '../lib/duration';
import { answers } from './answers';
import { destroyConnection, internalsOf } from './pg-internals';

/** After this long without a sign of life the server is asked for one. */
const SUSPICIOUS_AFTER_MS = 1.5 * SECOND;
const ANSWER_WITHIN_MS = 1 * SECOND;
/** The server ends a statement at its timeout; whatever is later than this on top is lost on the way. */
const GRACE_MS = 2 * SECOND;

const suspects = new Deadlines(SUSPICIOUS_AFTER_MS / 10);

type Fail = (error: Error) => void;

class Watch implements Due {
  dueAt = 0;
  place: number | undefined;
  /** In the order they were sent, in which they are answered. */
  readonly #awaiting: Fail[] = [];
  #silentSince = 0;
  #limitMs = 0;

  constructor(private readonly client: ClientBase) {}

  add(fail: Fail, limitMs: number): void {
    this.#awaiting.push(fail);
    if (this.#awaiting.length === 1) this.#arm(limitMs);
  }

  answered(fail: Fail, limitMs: number): void {
    const place = this.#awaiting.indexOf(fail);
    if (place !== -1) this.#awaiting.splice(place, 1);
    if (this.#awaiting.length > 0) this.#arm(limitMs);
    else suspects.remove(this);
  }

  onDue(): void {
    void this.#look();
  }

  #arm(limitMs: number): void {
    this.#limitMs = limitMs;
    this.#silentSince = performance.now();
    this.dueAt = this.#silentSince + SUSPICIOUS_AFTER_MS;
    suspects.add(this);
  }

  async #look(): Promise<void> {
    const { dueAt } = this;
    const limitMs = this.#limitMs;
    const { host, port } = internalsOf(this.client);
    const alive = await answers(host, port, ANSWER_WITHIN_MS);
    // Something was answered meanwhile.
    if (this.dueAt !== dueAt || this.#awaiting.length === 0) return;
    if (!alive) {
      this.#giveUp(
        tenantUnavailable('DATA_SOURCE_UNREACHABLE', new Error('The server fell silent.')),
      );
    } else if (performance.now() - this.#silentSince > limitMs + GRACE_MS) {
      this.#giveUp(timeout(limitMs, new Error('The server lives, but the connection is silent.')));
    } else {
      this.dueAt = performance.now() + SUSPICIOUS_AFTER_MS;
      suspects.add(this);
    }
  }

  #giveUp(error: Error): void {
    const failed = this.#awaiting.splice(0);
    suspects.remove(this);
    for (const fail of failed) fail(error);
    destroyConnection(this.client);
  }
}

const watches = new WeakMap<ClientBase, Watch>();

/**
 * Resolves and rejects as `submit` reports to its callback, or rejects when the server is found
 * silent (TENANT_UNAVAILABLE) or the answer lost (TIMEOUT); the connection is closed then.
 * @param limitMs how long the server itself lets a statement run.
 */
export function watched<T>(
  client: ClientBase,
  limitMs: number,
  submit: (callback: (error: Error | null | undefined, result: T) => void) => void,
): Promise<T> {
  let watch = watches.get(client);
  if (watch === undefined) watches.set(client, (watch = new Watch(client)));
  const current = watch;
  return new Promise<T>((resolve, reject) => {
    current.add(reject, limitMs);
    submit((error, result) => {
      current.answered(reject, limitMs);
      if (error === null || error === undefined) resolve(result);
      else reject(error);
    });
  });
}
