/**
 * Many deadlines on one timer. Nearly all of them are kept and taken off the list within milliseconds:
 * a timer for each would cost more to make and to drop than what it waits for.
 */

/** Something that must not wait for ever. */
export interface Due {
  /** On the clock of `performance.now()`; may be changed while it waits. */
  readonly dueAt: number;
  /** Called once, late by up to the list's interval. */
  onDue(): void;
}

export class Deadlines {
  readonly #waiting = new Set<Due>();
  #timer: NodeJS.Timeout | undefined;

  /** @param everyMs how often the list is looked through while there is something on it. */
  constructor(private readonly everyMs: number) {}

  add(due: Due): void {
    this.#waiting.add(due);
    // Whatever waits keeps the process alive itself, by its socket.
    this.#timer ??= setInterval(() => this.#look(), this.everyMs).unref();
  }

  remove(due: Due): void {
    this.#waiting.delete(due);
  }

  #look(): void {
    if (this.#waiting.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    const now = performance.now();
    for (const due of this.#waiting) {
      if (due.dueAt > now) continue;
      this.#waiting.delete(due);
      due.onDue();
    }
  }
}
