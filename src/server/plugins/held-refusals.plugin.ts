/**
 * Refuses slowly whoever does not stop. A client that asks again as soon as it is refused makes work
 * as fast as the loop can refuse it, and its neighbours wait behind that. So the first refusals of a
 * second are told at once, and what follows is held for a while: a connection that floods then gets
 * one refusal a second, and costs next to nothing in between. What the loop saves is the whole
 * request, so that no refusal needs a short cut past the checks before it.
 *
 * Held are RATE_LIMITED and OVERLOADED, for each tenant apart, and for each address where nobody is
 * signed in. Who has too many held already is refused at once and loses its connection.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { SECOND } from '../../lib/duration';

export interface HeldRefusalsOptions {
  readonly isDraining: () => boolean;
  readonly holdMs?: number;
  /** Milliseconds since any moment. */
  readonly now?: () => number;
}

export interface HeldRefusals {
  /** How many are held now. */
  held(): number;
}

/** Within a second and at once: a page that asks for several things at a time hears of all. */
const TOLD_AT_ONCE = 20;
const MOST_HELD_EACH = 500;
const MOST_HELD = 5000;
const HELD_CODES: ReadonlySet<string> = new Set(['RATE_LIMITED', 'OVERLOADED']);

export function registerHeldRefusals(
  app: FastifyInstance,
  { isDraining, holdMs = SECOND, now = () => performance.now() }: HeldRefusalsOptions,
): HeldRefusals {
  const told = createTold(now);
  const heldBy = new Map<string, number>();
  const held = new Set<() => void>();

  app.addHook('onSend', (request, reply, payload, done) => {
    if (!isRefusal(reply.statusCode, request) || isDraining()) return done(null, payload);
    const who = whoIs(request);
    if (told.count(who) <= TOLD_AT_ONCE) return done(null, payload);
    const itsHeld = heldBy.get(who) ?? 0;
    if (itsHeld >= MOST_HELD_EACH || held.size >= MOST_HELD) {
      void reply.header('connection', 'close');
      return done(null, payload);
    }
    heldBy.set(who, itsHeld + 1);
    const release = (): void => {
      clearTimeout(timer);
      reply.raw.removeListener('close', release);
      held.delete(release);
      const left = (heldBy.get(who) ?? 1) - 1;
      if (left > 0) heldBy.set(who, left);
      else heldBy.delete(who);
      if (isDraining()) void reply.header('connection', 'close');
      done(null, payload);
    };
    const timer = setTimeout(release, holdMs);
    // Nobody is there to hear it: it goes where the answer to a client that left goes.
    reply.raw.once('close', release);
    held.add(release);
  });
  app.addHook('preClose', (done) => {
    for (const release of held) release();
    done();
  });

  return { held: () => held.size };
}

/** 200 where a part of the operation was answered: that is no refusal. */
const isRefusal = (status: number, { trace }: FastifyRequest): boolean =>
  (status === 429 || status === 503) && trace.errorCodes.some((code) => HELD_CODES.has(code));

const whoIs = ({ trace, ip }: FastifyRequest): string => trace.tenantId ?? trace.operatorId ?? ip;

/** Refusals of each within the current second. */
function createTold(now: () => number): { count(who: string): number } {
  const counts = new Map<string, number>();
  let second = 0;
  return {
    count(who) {
      const current = Math.floor(now() / SECOND);
      if (current !== second) counts.clear();
      second = current;
      const count = (counts.get(who) ?? 0) + 1;
      counts.set(who, count);
      return count;
    },
  };
}
