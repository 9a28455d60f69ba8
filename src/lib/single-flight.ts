/**
 * Joins concurrent loads of one key into one. An invalidation detaches the load that is under way:
 * whoever waits for it still gets its answer, but it is not published (`isCurrent()` turns false),
 * so that a load begun before a change never overwrites what is known after it.
 */
export class SingleFlight<K, V> {
  readonly #flights = new Map<K, Promise<V>>();

  run(key: K, load: (isCurrent: () => boolean) => Promise<V>): Promise<V> {
    const running = this.#flights.get(key);
    if (running !== undefined) return running;
    const isCurrent = (): boolean => this.#flights.get(key) === flight;
    // Deferred by a microtask, so that `flight` is set before `load` can ask whether it is current.
    const flight: Promise<V> = Promise.resolve()
      .then(() => load(isCurrent))
      .finally(() => {
        if (isCurrent()) this.#flights.delete(key);
      });
    this.#flights.set(key, flight);
    return flight;
  }

  invalidate(key: K): void {
    this.#flights.delete(key);
  }

  invalidateAll(): void {
    this.#flights.clear();
  }
}
