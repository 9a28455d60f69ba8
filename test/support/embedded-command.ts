/**
 * A command that uses the embedded Postgres, for tests of several at once: `node -r
 * sucrase/register embedded-command.ts <home>`. Prints `started` or `attached`, works until its
 * standard input ends, and prints `done`.
 */
import { once } from 'node:events';
import { Client } from 'pg';
import { openEmbedded } from '../../src/embedded/embedded-attach';

async function run(home: string): Promise<void> {
  const opened = await openEmbedded(home, { log: (line) => console.log(line) });
  console.log(opened.started ? 'started' : 'attached');
  const client = new Client({ connectionString: opened.settings.REGISTRY_URL });
  await client.connect();
  process.stdin.resume();
  await once(process.stdin, 'end');
  await client.query('select 1');
  await client.end();
  await opened.close();
  console.log('done');
}

const [, , home = ''] = process.argv;
void run(home).catch((error: unknown) => {
  console.log(String(error));
  process.exitCode = 1;
});
