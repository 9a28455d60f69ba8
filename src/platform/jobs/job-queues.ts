/**
 * The queues as pg-boss keeps them: one for each kind of job, and beside it one of its dead letters.
 * pg-boss stores, retries and expires; it is loaded when first needed, and neither polls nor
 * schedules by itself, for both would end the process or go silent when the registry is away
 * (`job-worker.ts`, `job-schedules.ts`).
 */
import type PgBoss from 'pg-boss';
import type { JobDefinition, JobOptions } from './job.port';
import type { JobsExecutor } from './jobs-database';

export const JOBS_SCHEMA = 'jobs';
const DEAD = '.dead';

export const deadQueueOf = (name: string): string => `${name}${DEAD}`;
export const isDeadQueue = (name: string): boolean => name.endsWith(DEAD);
export const queueOfDead = (name: string): string => name.slice(0, -DEAD.length);

export type Boss = Pick<
  PgBoss,
  'send' | 'insert' | 'fetch' | 'complete' | 'fail' | 'retry' | 'createQueue' | 'updateQueue'
> & { expire(): Promise<void>; archive(): Promise<void>; drop(): Promise<void> };

/** @param db what all statements are run on; nothing is run yet. */
export async function createBoss(db: JobsExecutor): Promise<Boss> {
  const { default: Boss } = await import('pg-boss');
  const boss = new Boss({
    db,
    schema: JOBS_SCHEMA,
    migrate: false,
    schedule: false,
    supervise: false,
  });
  boss.on('error', () => undefined); // what fails is thrown to its caller
  return boss as unknown as Boss;
}

const POLICIES = { any: 'standard', one: 'stately', 'one-waiting': 'short' } as const;

export const policyOf = ({ overlap, recurs }: JobOptions): PgBoss.QueuePolicy => {
  if (overlap !== undefined) return POLICIES[overlap];
  if (recurs === undefined) return 'standard';
  // What recurs must not pile up while nobody works it off.
  return recurs.eachTenant === true ? 'short' : 'stately';
};

/** Makes the queue of a definition, or brings it to what the definition says now. */
export async function ensureQueue(
  boss: Boss,
  { name, options }: JobDefinition,
  leaseSeconds: number,
): Promise<void> {
  const queue = {
    name,
    policy: policyOf(options),
    retryLimit: options.retryLimit ?? 5,
    retryDelay: options.retryDelaySeconds ?? 10,
    retryBackoff: true,
    expireInSeconds: leaseSeconds,
    deadLetter: deadQueueOf(name),
  };
  await boss.createQueue(queue.deadLetter, { name: queue.deadLetter });
  // pg-boss completes the options it is given in place.
  await boss.createQueue(name, { ...queue });
  await boss.updateQueue(name, { ...queue });
}
