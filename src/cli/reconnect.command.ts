/** `cloister sources reconnect`: another address or password for a data source. */
import type { Command } from 'commander';
import { reconnectDataSource } from '../tenancy/reconnect-data-source';
import { getSource } from './find-source';
import { createPrompt } from './prompt';
import { readSourceUrls } from './source-urls';
import { withTenancy } from './with-tenancy';

const ACTOR = 'command-line';

export function registerReconnect(sources: Command): void {
  sources
    .command('reconnect <name>')
    .description(
      'Gives a data source another address or password; servers use it from then on, without a pause.',
    )
    .addHelpText(
      'after',
      '\nThe URLs are read from CLOISTER_SOURCE_URL (the run-time role) and CLOISTER_SOURCE_MIGRATION_URL\n' +
        '(the owner; left as it is where it is not given), or asked for.',
    )
    .action((name: string) => reconnect(name));
}

async function reconnect(name: string): Promise<void> {
  const prompt = createPrompt();
  try {
    const urls = await readSourceUrls(prompt, 'to leave it as it is');
    await withTenancy(async ({ tenancy, say }) => {
      const source = await getSource(tenancy.registry, name);
      const named = await reconnectDataSource(tenancy, source, {
        ...urls,
        actor: ACTOR,
      });
      say(
        `"${name}" is connected to by the new URL, ${named ? 'with' : 'without'} prepared statements.`,
      );
    });
  } finally {
    prompt.close();
  }
}
