import { unauthenticated } from '../errors';

/**
 * Lets one use of a token be answered at a time. Those who come meanwhile (two tabs, an impatient
 * click) are refused without being taken for thieves: no second copy is needed for that. It is known
 * on this process only; on two processes at once it counts as a second use.
 */
export function createFirstUse(): <T>(token: string, work: () => Promise<T>) => Promise<T> {
  const inFlight = new Map<string, Promise<unknown>>();
  return async (token, work) => {
    const first = inFlight.get(token);
    if (first !== undefined) {
      await first; // a database that is down says so to all of them
      throw unauthenticated();
    }
    const use = work().finally(() => inFlight.delete(token));
    inFlight.set(token, use);
    return use;
  };
}
