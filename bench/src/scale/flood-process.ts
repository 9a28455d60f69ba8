/**
 * Sends a flood from a process of its own, so that what it costs to send does not delay the one that
 * is measured, and at a lower priority, for clients do not share a server's processors.
 */
import { fork } from 'node:child_process';
import { setPriority } from 'node:os';
import type { Driven } from './traffic';
import { drive } from './traffic';

export interface Flood {
  readonly ports: readonly number[];
  readonly requests: readonly Buffer[];
  readonly connections: number;
  readonly seconds: number;
  /** Of each connection; 0 for as soon as it has its answer. */
  readonly everyMs: number;
}

const NICE = 10;

/** @returns what the flooder was answered, once it is over. */
export function sendFlood(flood: Flood, signal: AbortSignal): Promise<Driven> {
  return new Promise((resolve, reject) => {
    const child = fork(__filename, [], { serialization: 'advanced', signal });
    child.once('message', (answer) => resolve(answer as Driven));
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`The flood ended with ${code}.`)));
    child.send(flood);
  });
}

if (require.main === module) {
  setPriority(NICE);
  process.once('message', (flood) => {
    void drive({ ...(flood as Flood), signal: new AbortController().signal }).then(
      (answer) => process.send?.(answer, () => process.disconnect()),
      (error: unknown) => {
        process.stderr.write(`${String(error)}\n`);
        process.exit(1);
      },
    );
  });
}
