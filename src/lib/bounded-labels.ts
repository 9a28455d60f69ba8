/** The label of all that came when there was no room for one of their own. */
export const OTHERS = 'other';

/**
 * Keeps the values of a metric's label bounded: the first `max` that come keep their name for the
 * life of the process (a counter must not move between labels), the others share one.
 */
export function boundedLabels(max: number): (name: string) => string {
  const known = new Set<string>();
  return (name) => {
    if (known.has(name)) return name;
    if (known.size >= max) return OTHERS;
    known.add(name);
    return name;
  };
}
