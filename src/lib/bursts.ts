/**
 * Writes to sockets, a few right behind each other. A write costs most where it has to wake a reader
 * whose processor has gone to sleep; sent one by one, with a millisecond's tenth of work in between,
 * each of them does. Held back until a few are there, or until the event loop's turn is over, the first
 * one wakes the others' reader too. No more than a few, for a database that is sent everything at the
 * end of a long turn has nothing to do meanwhile.
 */
import type { Socket } from 'node:net';

const AT_MOST = 4;

const held: Socket[] = [];
let isTurnWatched = false;

/** What is written to the socket from now on, in the code that runs now, leaves in the next burst. */
export function writeInBurst(socket: Socket): void {
  if (held.includes(socket)) return;
  if (held.length >= AT_MOST) send();
  socket.cork();
  held.push(socket);
  if (isTurnWatched) return;
  isTurnWatched = true;
  setImmediate(endTurn);
}

function endTurn(): void {
  isTurnWatched = false;
  send();
}

function send(): void {
  for (const socket of held) socket.uncork();
  held.length = 0;
}
