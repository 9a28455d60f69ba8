import type { Command } from 'commander';
import { start } from '../main';

export function registerStart(program: Command): void {
  program
    .command('start')
    .description('Starts the API; without REGISTRY_URL with an embedded Postgres and the demo.')
    .action(async () => {
      const say = (line: string): void => void process.stdout.write(`${line}\n`);
      const running = await start(say);
      await untilSignal();
      say('Stopping: requests in flight are finished first.');
      await running.stop();
    });
}

/** A second signal ends the process at once, as its sender expects. */
function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}
