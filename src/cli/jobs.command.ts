import { InvalidArgumentError, type Command } from 'commander';
import {
  createJobInspection,
  type JobInspection,
  type JobView,
} from '../platform/jobs/job-inspection';
import { createJobsDatabase } from '../platform/jobs/jobs-database';
import { CommandFailure } from './command-failure';
import { getTenantBySlug } from './find-tenant';
import { formatTable } from './table';
import { withTenancy, type CommandContext } from './with-tenancy';

interface Filter {
  readonly kind?: string;
  readonly tenant?: string;
  readonly limit: number;
}

const MOST = 1000;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const count = (text: string): number => {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= MOST) return value;
  throw new InvalidArgumentError(`Expected a whole number from 1 to ${MOST}.`);
};

const idOf = (text: string): string => {
  if (UUID.test(text)) return text;
  throw new InvalidArgumentError('Expected the id of a job, as `cloister jobs list` shows it.');
};

export function registerJobs(program: Command): void {
  const jobs = program.command('jobs').description('What the servers do in the background.');
  jobs
    .command('kinds')
    .description(
      'Shows every kind of job: what waits, runs, failed and is dead, and when it recurs.',
    )
    .action(() => withJobs(showKinds));
  filtered(jobs.command('list'))
    .description('Lists jobs that wait, run or have ended, newest first.')
    .action((filter: Filter) => withJobs((inspection, at) => list(inspection, at, 'list', filter)));
  filtered(jobs.command('dead'))
    .description('Lists dead letters: jobs that failed at their last try.')
    .action((filter: Filter) => withJobs((inspection, at) => list(inspection, at, 'dead', filter)));
  jobs
    .command('show')
    .description('Shows one job with its progress, outcome or failure.')
    .argument('<id>', 'the job', idOf)
    .action((id: string) => withJobs((inspection, at) => show(inspection, at, id)));
  jobs
    .command('retry')
    .description('Lets dead letters be tried again.')
    .argument('[id]', 'the dead letter; all of a kind with --kind', idOf)
    .option('--kind <name>', 'all dead letters of a kind')
    .action((id: string | undefined, { kind }: { kind?: string }) =>
      withJobs((inspection, at) => retry(inspection, at, id, kind)),
    );
}

const filtered = (command: Command): Command =>
  command
    .option('--kind <name>', 'of one kind')
    .option('--tenant <slug>', 'of one tenant')
    .option('--limit <count>', 'how many', count, 50);

type Work = (inspection: JobInspection, context: CommandContext) => Promise<void>;

const withJobs = (work: Work): Promise<void> =>
  withTenancy(async (context) => {
    const db = createJobsDatabase(context.config);
    try {
      await work(createJobInspection(db), context);
    } finally {
      await db.close();
    }
  });

async function showKinds(inspection: JobInspection, { say }: CommandContext): Promise<void> {
  const queues = await inspection.queues();
  if (queues.length === 0) return say('No process has worked jobs off yet.');
  say(
    formatTable(
      ['KIND', 'WAITING', 'ACTIVE', 'FAILED', 'DEAD', 'EVERY', 'LAST', 'NEXT'],
      queues.map((queue) => [
        queue.name,
        String(queue.waiting),
        String(queue.active),
        String(queue.failed),
        String(queue.dead),
        queue.everySeconds === null ? '-' : `${queue.everySeconds} s`,
        timeOf(queue.lastRunAt),
        timeOf(queue.nextRunAt),
      ]),
    ),
  );
}

async function list(
  inspection: JobInspection,
  { tenancy, say }: CommandContext,
  which: 'list' | 'dead',
  { kind, tenant, limit }: Filter,
): Promise<void> {
  const { id: tenantId } =
    tenant === undefined ? { id: undefined } : await getTenantBySlug(tenancy.registry, tenant);
  const jobs = await inspection[which]({
    limit,
    ...(kind === undefined ? {} : { name: kind }),
    ...(tenantId === undefined ? {} : { tenantId }),
  });
  if (jobs.length === 0) return say(which === 'dead' ? 'No dead letters.' : 'No jobs.');
  say(formatTable(['ID', 'KIND', 'STATE', 'TRIES', 'CREATED', 'OUTCOME'], jobs.map(rowOf)));
}

const rowOf = (job: JobView): string[] => [
  job.id,
  job.name,
  job.state,
  String(job.attempts),
  timeOf(job.createdOn),
  factsOf(job.output),
];

async function show(inspection: JobInspection, { say }: CommandContext, id: string): Promise<void> {
  const job = await inspection.show(id);
  if (job === undefined) throw unknown(id);
  const facts: readonly (readonly [string, string])[] = [
    ['id', job.id],
    ['kind', job.name],
    ['state', job.state],
    ['tries', String(job.attempts)],
    ['data', factsOf(job.data)],
    ['created', timeOf(job.createdOn)],
    ['due', timeOf(job.startAfter)],
    ['started', timeOf(job.startedOn)],
    ['ended', timeOf(job.completedOn)],
    [job.state === 'active' ? 'progress' : 'outcome', factsOf(job.output)],
  ];
  for (const [name, value] of facts) say(`${name.padEnd(9)} ${value}`);
}

async function retry(
  inspection: JobInspection,
  { say }: CommandContext,
  id: string | undefined,
  kind: string | undefined,
): Promise<void> {
  if ((id === undefined) === (kind === undefined)) {
    say('Expected the id of a dead letter, or --kind: `cloister jobs dead` shows them.');
    throw new CommandFailure();
  }
  const ids =
    id !== undefined
      ? [id]
      : (await inspection.dead({ limit: MOST, ...(kind === undefined ? {} : { name: kind }) })).map(
          (letter) => letter.id,
        );
  let retried = 0;
  for (const one of ids) if (await inspection.retryDead(one)) retried += 1;
  if (id !== undefined && retried === 0) throw unknown(id);
  say(`${retried} job(s) will be tried again.`);
}

const unknown = (id: string): Error =>
  new UnknownJob(`There is no such job ${id}: \`cloister jobs list\` and \`jobs dead\` show them.`);

/** The message is for the operator as it is. */
export class UnknownJob extends Error {
  override readonly name = 'UnknownJob';
}

const timeOf = (time: Date | null): string =>
  time === null ? '-' : time.toISOString().replace(/\.\d+Z$/, 'Z');

const factsOf = (facts: Readonly<Record<string, unknown>> | null): string =>
  facts === null || Object.keys(facts).length === 0
    ? '-'
    : Object.entries(facts)
        .map(
          ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
        )
        .join(' ');
