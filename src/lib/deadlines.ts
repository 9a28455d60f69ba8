/**
 * Many deadlines on one timer. Nearly all of them are kept and taken off the list within milliseconds:
 * a timer for each would cost more to make and to drop than what it waits for.
 *
 * The list is an array, not a Set: the tables that a Set outgrows lead on to those that follow them, so
 * that in V8 one of them in the old generation keeps all that ever was in the Set after it until the
 * next full collection.
 */

/** Something that must not wait for ever. */
export interface Due {
  /** On the clock of `performance.now()`; may be changed while it waits. */
  readonly dueAt: number;
  /** Called once, late by up to the list's interval. */
  onDue(): void;
  /** The list's own: where it is on it; absent while it is not. */
  place?: number | undefined;
}

export class Deadlines {
  readonly #waiting: Due[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** @param everyMs how often the list is looked through while there is something on it. */
  constructor(private readonly everyMs: number) {}

  /** On one list at a time; one that is on it already stays. */
  add(due: Due): void {
    if (due.place !== undefined) return;
    due.place = this.#waiting.push(due) - 1;
    // Whatever waits keeps the process alive itself, by its socket.
    this.#timer ??= setInterval(() => this.#look(), this.everyMs).unref();
  }

  remove(due: Due): void {
    const { place } = due;
    if (place === undefined) return;
    due.place = undefined;
    const last = this.#waiting.pop();
    if (last === undefined || last === due) return;
    this.#waiting[place] = last;
    last.place = place;
  }

  #look(): void {
    if (this.#waiting.length === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    const now = performance.now();
    for (const due of this.#waiting.filter(({ dueAt }) => dueAt <= now)) {
      // Another one's end may have taken it off meanwhile.
      if (due.place === undefined) continue;
      this.remove(due);
      due.onDue();
    }
  }
}
