/**
 * The environment of every test file: Node's, and a file that leaves a timer, a socket, a server or
 * a child process behind fails. Jest would end the worker all the same, so that nobody would notice
 * until a process of ours does not end.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Circus } from '@jest/types';
import { TestEnvironment as NodeEnvironment } from 'jest-environment-node';

/** As Node names what keeps a process alive; timers that were told not to (`unref`) are not among it. */
const WATCHED = ['Timeout', 'Immediate', 'TCPSocketWrap', 'TCPServerWrap', 'ProcessWrap'];

/** What was closed last needs a moment to be gone, and `fetch` keeps an idle connection for seconds. */
const GRACE_MS = 6000;
const POLL_MS = 20;

export default class LeakEnvironment extends NodeEnvironment {
  private before = new Map<string, number>();

  async handleTestEvent(
    event: Circus.AsyncEvent | Circus.SyncEvent,
    state: Circus.State,
  ): Promise<void> {
    if (event.name === 'run_start') this.before = countResources();
    if (event.name !== 'run_finish') return;
    const deadline = Date.now() + GRACE_MS;
    while (this.leaks().length > 0 && Date.now() < deadline)
      await delay(POLL_MS, undefined, { ref: false });
    const leaks = this.leaks();
    if (leaks.length > 0) {
      const message = `Expected the file to leave nothing running, but got ${leaks.join(', ')}: close in afterAll what was opened.`;
      state.unhandledErrors.push([new Error(message), undefined as never]);
    }
  }

  private leaks(): string[] {
    return [...countResources()]
      .map(([name, count]) => [name, count - (this.before.get(name) ?? 0)] as const)
      .filter(([, more]) => more > 0)
      .map(([name, more]) => `${more} × ${name}`);
  }
}

function countResources(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) {
    if (WATCHED.includes(name)) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}
