/**
 * Works jobs off: takes what is due while there is room, runs it, and tells the outcome. Each job is
 * lent to the worker for a while, and the loan renewed while the process lives; one whose process
 * was killed falls due again by itself. A job whose outcome could not be told, because the registry
 * was away for longer than the loan, runs a second time: handlers must bear that.
 *
 * Owns one timer and the runs. While the registry is away it pauses, and says so once.
 */
import type { Logger } from 'pino';
import { setTimeout as delay } from 'node:timers/promises';
import { MINUTE, SECOND } from '../../lib/duration';
import { describeJobFailure } from './job-failure';
import type { JobData, JobDefinition, JobRun } from './job.port';
import type { Boss } from './job-queues';
import type { JobsDatabase } from './jobs-database';

export interface JobWorker {
  /** Looks at once instead of at the next time. */
  wake(): void;
  /** Takes nothing more, waits for what runs, and gives back what does not end in time. */
  stop(graceMs: number): Promise<void>;
  running(): number;
}

export interface JobWorkerOptions {
  readonly db: JobsDatabase;
  readonly boss: Boss;
  readonly definitions: ReadonlyMap<string, JobDefinition>;
  readonly concurrency: number;
  readonly leaseSeconds: number;
  readonly logger: Logger;
  /** Called regularly, while the registry is there, before jobs are looked for. */
  readonly beforeLook: () => Promise<void>;
  readonly onOutcome: (name: string, outcome: JobOutcome, seconds: number) => void;
  readonly pollEveryMs?: number;
}

export type JobOutcome = 'completed' | 'failed' | 'dead' | 'returned';

interface Taken {
  readonly id: string;
  readonly name: string;
  readonly data: JobData;
  readonly retryCount: number;
  readonly retryLimit: number;
}

interface Active {
  readonly job: Taken;
  readonly controller: AbortController;
  /** Whether the job is still this worker's to tell the outcome of. */
  ours: boolean;
  readonly done: Promise<void>;
}

const MAX_PAUSE_MS = 10 * SECOND;
const TELL_EVERY_MS = SECOND;
const DEFAULT_TIMEOUT_MS = 10 * MINUTE;

/** A queue whose one running job is elsewhere is not asked: the database would refuse it. */
const DUE = `
  select q.name from jobs.queue q where q.name = any($1)
    and exists (select from jobs.job j where j.name = q.name and j.state < 'active' and j.start_after <= now())
    and not (q.policy in ('singleton', 'stately')
      and exists (select from jobs.job a where a.name = q.name and a.state = 'active'))`;

const RENEW = `
  update jobs.job set expire_in = (now() - started_on) + make_interval(secs => $3)
  where name = any($1) and id = any($2::uuid[]) and state = 'active' returning id`;

/** It did not fail: the try does not count. */
const RETURN = `
  update jobs.job set state = 'retry', started_on = null, start_after = now()
  where name = $1 and id = $2 and state = 'active'`;

export function startJobWorker(options: JobWorkerOptions): JobWorker {
  const {
    db,
    boss,
    definitions,
    concurrency,
    leaseSeconds,
    logger,
    pollEveryMs = SECOND,
  } = options;
  const active = new Map<string, Active>();
  let stopping = false;
  let paused = false;
  let pauseMs = pollEveryMs;
  let looking: Promise<void> | undefined;
  let again = false;
  let timer: NodeJS.Timeout | undefined;
  let renewedAt = performance.now();

  const countOf = (name: string): number =>
    [...active.values()].filter(({ job }) => job.name === name).length;
  const roomOf = ({ name, options: { atOnce = concurrency } }: JobDefinition): number =>
    Math.min(concurrency - active.size, atOnce - countOf(name));

  async function look(): Promise<void> {
    await renew();
    if (stopping) return;
    await options.beforeLook();
    const names = [...definitions.values()]
      .filter((one) => roomOf(one) > 0)
      .map(({ name }) => name);
    if (names.length === 0) return;
    const { rows } = await db.executeSql<{ name: string }>(DUE, [names]);
    // Another queue first each time, so that a long one does not take every place.
    for (const { name } of shuffled(rows)) {
      const definition = definitions.get(name);
      const batchSize = definition === undefined || stopping ? 0 : roomOf(definition);
      if (definition === undefined || batchSize <= 0) continue;
      const jobs = await boss.fetch<JobData>(name, { batchSize, includeMetadata: true });
      for (const job of jobs) begin(definition, job);
      if (jobs.length === batchSize) again = true;
    }
  }

  async function renew(): Promise<void> {
    if (active.size === 0 || performance.now() - renewedAt < (leaseSeconds * SECOND) / 4) return;
    const mine = [...active.values()];
    const values = [mine.map(({ job }) => job.name), mine.map(({ job }) => job.id), leaseSeconds];
    const { rows } = await db.executeSql<{ id: string }>(RENEW, values);
    renewedAt = performance.now();
    const kept = new Set(rows.map(({ id }) => id));
    for (const run of mine) {
      if (kept.has(run.job.id) || !active.has(run.job.id)) continue;
      run.ours = false;
      run.controller.abort(new Error('The job was given to another worker.'));
    }
  }

  function begin(definition: JobDefinition, job: Taken): void {
    const controller = new AbortController();
    const done = run(definition, job, controller).finally(() => {
      active.delete(job.id);
      if (!stopping) wake();
    });
    active.set(job.id, { job, controller, ours: true, done });
  }

  async function run(
    { handler, options: { timeoutMs = DEFAULT_TIMEOUT_MS } }: JobDefinition,
    job: Taken,
    controller: AbortController,
  ): Promise<void> {
    // Not before it stands among the active ones.
    await Promise.resolve();
    const startedAt = performance.now();
    const seconds = (): number => (performance.now() - startedAt) / SECOND;
    const line = { job: job.name, jobId: job.id, attempt: job.retryCount + 1, ...tenantOf(job) };
    const limit = setTimeout(
      () => controller.abort(new Error(`The job took longer than ${timeoutMs} ms.`)),
      timeoutMs,
    );
    try {
      const result = await unlessAborted(handler(runOf(job, controller.signal)), controller.signal);
      await tell(job, () => boss.complete(job.name, job.id, result ?? {}));
      options.onOutcome(job.name, 'completed', seconds());
      logger.debug({ ...line, durationMs: Math.round(seconds() * SECOND) }, 'job done');
    } catch (error) {
      if (active.get(job.id)?.ours === false) return;
      if (stopping && controller.signal.aborted) {
        await tell(job, () => db.executeSql(RETURN, [job.name, job.id]));
        options.onOutcome(job.name, 'returned', seconds());
        return;
      }
      const dead = job.retryCount >= job.retryLimit;
      await tell(job, () => boss.fail(job.name, job.id, describeJobFailure(error)));
      options.onOutcome(job.name, dead ? 'dead' : 'failed', seconds());
      if (dead) logger.error({ ...line, err: error }, 'job failed for the last time');
      else logger.warn({ ...line, err: error }, 'job failed, and will be tried again');
    } finally {
      clearTimeout(limit);
    }
  }

  const runOf = (job: Taken, signal: AbortSignal): JobRun => ({
    id: job.id,
    data: job.data ?? {},
    attempt: job.retryCount + 1,
    signal,
    async progress(state) {
      const text =
        "update jobs.job set output = $3 where name = $1 and id = $2 and state = 'active'";
      await db.executeSql(text, [job.name, job.id, JSON.stringify(state)]);
    },
  });

  /** Until the registry has heard it, the job is another's, or its loan is over. */
  async function tell(job: Taken, send: () => Promise<unknown>): Promise<void> {
    const until = performance.now() + leaseSeconds * SECOND;
    while (active.get(job.id)?.ours !== false) {
      try {
        await send();
        return;
      } catch (error) {
        if (performance.now() > until) {
          logger.warn({ job: job.name, jobId: job.id, err: error }, 'outcome of a job is lost');
          return;
        }
        await delay(TELL_EVERY_MS);
      }
    }
  }

  function wake(): void {
    if (looking !== undefined) {
      again = true;
      return;
    }
    clearTimeout(timer);
    again = false;
    looking = look()
      .then(
        () => {
          if (paused) logger.info('jobs go on: the registry is back');
          paused = false;
          pauseMs = pollEveryMs;
        },
        (error: unknown) => {
          if (!paused) logger.warn({ err: error }, 'jobs pause: the registry does not answer');
          paused = true;
          again = false;
          pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS);
        },
      )
      .finally(() => {
        looking = undefined;
        if (stopping && active.size === 0) return;
        timer = setTimeout(wake, again && !stopping ? 0 : pauseMs);
      });
  }

  wake();
  return {
    wake,
    running: () => active.size,
    async stop(graceMs) {
      stopping = true;
      await looking;
      const runs = Promise.all([...active.values()].map(({ done }) => done));
      const late = new AbortController();
      await Promise.race([runs, delay(graceMs, undefined, { signal: late.signal })]);
      late.abort();
      for (const { controller } of active.values()) {
        controller.abort(new Error('The process stops.'));
      }
      await Promise.race([runs, delay(2 * SECOND, undefined, { ref: false })]);
      // The loan of what still runs ends by itself.
      for (const run of active.values()) run.ours = false;
      clearTimeout(timer);
    },
  };
}

const tenantOf = ({ data }: Taken): { tenantId?: string } =>
  typeof data?.['tenantId'] === 'string' ? { tenantId: data['tenantId'] } : {};

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  aborted.catch(() => undefined);
  work.catch(() => undefined); // what comes after the abort is nobody's any more
  return Promise.race([work, aborted]);
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
