/**
 * What was found out about a session, believed for a few seconds. Holds promises, so whoever comes
 * while the database is asked joins in. A verdict's age counts from the question, not from the answer:
 * a slow database does not stretch it.
 */
import { LRUCache } from 'lru-cache';

export interface VerdictOptions {
  /** How long a verdict is believed; 0 asks each time. */
  readonly believedForMs: number;
  readonly maxSessions?: number;
  /** Milliseconds, never going back. */
  readonly now?: () => number;
}

export interface Verdicts<V> {
  /** @param about whom the verdict is about: a session's id alone says nothing of another's holder. */
  get(sessionId: string, about: string, ask: () => Promise<V>): Promise<V>;
  /** What `get` would resolve to, where that is there and believed. */
  known(sessionId: string, about: string): V | undefined;
  forget(sessionId: string): void;
}

interface Verdict<V> {
  readonly about: string;
  readonly askedAt: number;
  readonly answer: Promise<V>;
  /** Once there is one. */
  answered: V | undefined;
}

export function createVerdicts<V>({
  believedForMs,
  maxSessions = 20_000,
  now = () => performance.now(),
}: VerdictOptions): Verdicts<V> {
  const verdicts = new LRUCache<string, Verdict<V>>({ max: maxSessions });
  const believed = (sessionId: string, about: string): Verdict<V> | undefined => {
    const known = verdicts.get(sessionId);
    return known?.about === about && now() - known.askedAt < believedForMs ? known : undefined;
  };
  return {
    known: (sessionId, about) => believed(sessionId, about)?.answered,
    get(sessionId, about, ask) {
      const known = believed(sessionId, about);
      if (known !== undefined) return known.answer;
      const askedAt = now();
      const verdict: Verdict<V> = { about, askedAt, answer: ask(), answered: undefined };
      verdicts.set(sessionId, verdict);
      verdict.answer.then(
        (answer) => {
          verdict.answered = answer;
        },
        () => {
          // A question without an answer is no verdict: the next request asks again.
          if (verdicts.peek(sessionId) === verdict) verdicts.delete(sessionId);
        },
      );
      return verdict.answer;
    },
    // A question under way is dropped with its answer: it may have been put before the session ended.
    forget: (sessionId) => void verdicts.delete(sessionId),
  };
}
