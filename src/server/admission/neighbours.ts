/**
 * Whether somebody who asks for little was there lately beside somebody who asks for much. The order
 * of admission is fair, so that those who all ask for much are let in equally often: whoever is let
 * in far less often than the others asks for less than their share. What is counted is forgotten
 * within seconds, so that very many tenants take no room.
 */
import { SECOND } from '../../lib/duration';

export interface Neighbours {
  letIn(who: string): void;
  areQuiet(): boolean;
}

/** So long a tenant counts after it was let in, and up to twice as long. */
const REMEMBERED_FOR_MS = 5 * SECOND;
/** So many times the mean is who was let in most often, where somebody is quiet. */
const UNEVEN_FROM = 1.25;

export function createNeighbours(): Neighbours {
  const counts = new Map<string, number>();
  let [most, total] = [0, 0];
  let since = performance.now();
  let wereQuiet = false;

  const areQuietNow = (): boolean => most * counts.size > UNEVEN_FROM * total;

  function forget(): void {
    const now = performance.now();
    const age = now - since;
    if (age < REMEMBERED_FOR_MS) return;
    wereQuiet = age < 2 * REMEMBERED_FOR_MS && areQuietNow();
    [since, most, total] = [now, 0, 0];
    counts.clear();
  }

  return {
    letIn(who) {
      forget();
      const count = (counts.get(who) ?? 0) + 1;
      counts.set(who, count);
      if (count > most) most = count;
      total += 1;
    },
    areQuiet() {
      forget();
      return wereQuiet || areQuietNow();
    },
  };
}
