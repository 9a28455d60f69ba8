import type { Command } from 'commander';
import { readCommandSecrets } from '../config';
import { addServer, listServers } from '../platform/database-servers';
import { wholeNumber } from './whole-number';
import { createPrompt, secretFrom } from './prompt';
import { formatTable } from './table';
import { withTenancy } from './with-tenancy';

interface AddOptions {
  readonly name: string;
  readonly region?: string;
  readonly maxDatabases?: number;
  readonly poolMax?: number;
}

export function registerServers(program: Command): void {
  const servers = program
    .command('servers')
    .description('The database servers that dedicated tenants get their databases on.');
  servers
    .command('list')
    .description('Lists every server; without secrets.')
    .action(() =>
      withTenancy(async ({ tenancy, say }) => {
        const rows = await listServers(tenancy);
        say(
          formatTable(
            ['NAME', 'STATUS', 'REGION', 'DATABASES', 'ROOM', 'POOL'],
            rows.map(({ name, status, region, databases, maxDatabases, poolMax }) => [
              name,
              status,
              region,
              String(databases),
              maxDatabases === null ? 'any' : String(Math.max(0, maxDatabases - databases)),
              String(poolMax),
            ]),
          ),
        );
      }),
    );
  servers
    .command('add')
    .description('Enrols a server, if databases and roles can be made there.')
    .requiredOption('--name <name>', 'what it is called in the registry')
    .option('--region <region>', 'where it is')
    .option('--max-databases <number>', 'how many it has room for', wholeNumber(1, 100_000))
    .option('--pool-max <connections>', 'connections to each database there', wholeNumber(1, 1000))
    .addHelpText(
      'after',
      '\nThe URL of an administrator (createdb and createrole) is a secret and so no argument: it is read from\n' +
        'CLOISTER_SERVER_URL, or asked for.',
    )
    .action((options: AddOptions) => add(options));
}

async function add(options: AddOptions): Promise<void> {
  const prompt = createPrompt();
  try {
    const question = 'URL of the administrator (not shown): ';
    const adminUrl = await secretFrom(readCommandSecrets().serverUrl, question, prompt);
    await withTenancy(async ({ tenancy, say }) => {
      await addServer(tenancy, { ...options, adminUrl }, 'command-line');
      say(`The server "${options.name}" is enrolled: dedicated tenants get their databases there.`);
    });
  } finally {
    prompt.close();
  }
}
