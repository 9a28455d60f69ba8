import { InvalidArgumentError, type Command } from 'commander';
import { readCommandSecrets } from '../config';
import { actingAs } from '../tenancy/acting-as';
import { addReplica, ReplicaRefused } from '../tenancy/replicas/add-replica';
import { createReplicaStore, type ReplicaRow } from '../tenancy/replicas/replica.store';
import { createPrompt, secretFrom } from './prompt';
import { formatTable } from './table';
import { withTenancy, type CommandContext } from './with-tenancy';

interface AddOptions {
  readonly name: string;
  readonly source: string;
  readonly region: string;
  readonly poolMax: number;
}

const MOST_CONNECTIONS = 1000;
const ACTOR = 'command-line';

const connections = (text: string): number => {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= MOST_CONNECTIONS) return value;
  throw new InvalidArgumentError(`Expected a whole number from 1 to ${MOST_CONNECTIONS}.`);
};

export function registerReplicas(program: Command): void {
  const replicas = program
    .command('replicas')
    .description('Read replicas of data sources, each read from in its own region.');
  replicas
    .command('list')
    .description('Lists every replica; without secrets.')
    .action(() => withTenancy(list));
  replicas
    .command('add')
    .description('Enrols a streaming replica of a data source.')
    .requiredOption('--name <name>', 'what it is called')
    .requiredOption('--source <name>', 'the data source that it is a replica of')
    .requiredOption('--region <region>', 'REGION of the processes that read from it')
    .option('--pool-max <connections>', 'connections each process may open', connections, 10)
    .addHelpText(
      'after',
      '\nThe URL (of the run-time role) is a secret and so no argument: it is read from\n' +
        'CLOISTER_SOURCE_URL, or asked for.',
    )
    .action((options: AddOptions) => add(options));
  for (const [verb, status] of [
    ['disable', 'disabled'],
    ['enable', 'active'],
  ] as const) {
    replicas
      .command(verb)
      .description(`Makes a replica ${status}; every process heeds it at once.`)
      .argument('<name>', 'the replica')
      .action((name: string) =>
        change(name, `is ${status}`, (store, { id }) => store.setStatus(id, status)),
      );
  }
  replicas
    .command('remove')
    .description('Forgets a replica; the server itself is left alone.')
    .argument('<name>', 'the replica')
    .action((name: string) => change(name, 'is removed', (store, { id }) => store.remove(id)));
}

async function list({ tenancy: { registry, registryDb }, say }: CommandContext): Promise<void> {
  const [rows, sources] = await Promise.all([
    createReplicaStore(registryDb).list(),
    registry.listDataSources(),
  ]);
  const nameOf = (id: string): string => sources.find((source) => source.id === id)?.name ?? id;
  say(
    formatTable(
      ['NAME', 'SOURCE', 'REGION', 'STATUS', 'POOL'],
      rows.map((row) => [
        row.name,
        nameOf(row.dataSourceId),
        row.region,
        row.status,
        `0-${row.poolMax}`,
      ]),
    ),
  );
}

async function add(options: AddOptions): Promise<void> {
  const prompt = createPrompt();
  try {
    const given = readCommandSecrets().sourceUrl;
    const url = await secretFrom(given, 'URL of the run-time role (not shown): ', prompt);
    await withTenancy(async ({ tenancy, say }) => {
      await addReplica(tenancy, ACTOR, { ...options, url });
      say(`Processes with REGION=${options.region} read from "${options.name}" now.`);
    });
  } finally {
    prompt.close();
  }
}

type Change = (store: ReturnType<typeof createReplicaStore>, row: ReplicaRow) => Promise<void>;

const change = (name: string, outcome: string, work: Change): Promise<void> =>
  withTenancy(async ({ tenancy, say }) => {
    await actingAs(tenancy.registryDb, ACTOR, async (_, trx) => {
      const store = createReplicaStore(trx);
      const row = await store.findByName(name);
      if (row === undefined) {
        throw new ReplicaRefused(
          `There is no replica "${name}": \`cloister replicas list\` shows them.`,
        );
      }
      await work(store, row);
    });
    say(`The replica "${name}" ${outcome}.`);
  });
