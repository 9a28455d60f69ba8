import type { Command } from 'commander';
import { start } from '../main';
import { aborted, Interrupted, onInterrupt } from './interruption';

export function registerStart(program: Command): void {
  program
    .command('start')
    .description('Starts the API; without REGISTRY_URL with an embedded Postgres and the demo.')
    .action(async () => {
      const say = (line: string): void => void process.stdout.write(`${line}\n`);
      const stopping = new AbortController();
      // From the beginning: a first start takes seconds, and its Postgres must not be left behind.
      const release = onInterrupt(() => {
        say('Stopping: requests in flight are finished first.');
        stopping.abort(new Interrupted('Stopped before it was up.'));
      });
      let isUp = false;
      try {
        const running = await start(say, { signal: stopping.signal });
        isUp = true;
        await aborted(stopping.signal);
        await running.stop();
      } catch (error) {
        // Whatever failed after the interruption failed because of it.
        throw stopping.signal.aborted && !isUp ? stopping.signal.reason : error;
      } finally {
        release();
      }
    });
}
