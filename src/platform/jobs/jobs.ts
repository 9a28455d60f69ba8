/**
 * The jobs of one process: what kinds there are, making them, and working them off. What is made
 * outlives the process; nothing is connected before the first job is made or `start` is called.
 */
import type { Logger } from 'pino';
import type { Config } from '../../config';
import { SECOND } from '../../lib/duration';
import type { JobData, JobDefinition, JobHandler, JobOptions } from './job.port';
import { assertPayload } from './job-payload';
import { createBoss, ensureQueue, type Boss } from './job-queues';
import { dropSchedule, keepSchedule, runDueSchedules, type TenantSchedule } from './job-schedules';
import { startJobWorker, type JobOutcome, type JobWorker } from './job-worker';
import { createJobsDatabase, type JobsExecutor } from './jobs-database';

export interface EnqueueOptions {
  /** Where the kind lets one wait for each key, the key; the tenant's id if it is left out. */
  readonly key?: string;
  /** Not before so many seconds. */
  readonly afterSeconds?: number;
  /** Makes the job in the caller's own transaction on the registry. */
  readonly within?: JobsExecutor;
}

export interface Jobs {
  /** Before `start`. @throws Error when there is one of that name. */
  define(name: string, handler: JobHandler, options?: JobOptions): void;
  /**
   * @returns the job's id; undefined when one like it waits already.
   * @throws JobPayloadError, and what Postgres throws.
   */
  enqueue(name: string, data: JobData, options?: EnqueueOptions): Promise<string | undefined>;
  /** Lets a kind recur for one tenant, in place of what the kind says for each. */
  schedule(name: string, schedule: TenantSchedule): Promise<void>;
  unschedule(name: string, tenantId: string): Promise<void>;
  /** Begins to work jobs off, when the registry is there; until then it tries, and says so once. */
  start(): void;
  /** Waits for what runs, at most as long as requests are waited for; then closes. */
  stop(): Promise<void>;
}

export interface JobsDependencies {
  readonly config: Pick<Config, 'registry' | 'pools' | 'jobs' | 'http'>;
  readonly logger: Logger;
  readonly onOutcome?: (name: string, outcome: JobOutcome, seconds: number) => void;
  readonly pollEveryMs?: number;
}

const NAME = /^[a-z][a-z0-9-]*(\.[a-z0-9-]+)*$/;
const LOOK_AT_SCHEDULES_EVERY_MS = 2 * SECOND;
/** How often loans that ran out are looked for, as a share of the loan. */
const EXPIRY_SHARE = 4;
const ARCHIVE_EVERY_MS = 600 * SECOND;

export function createJobs({ config, logger, onOutcome, pollEveryMs }: JobsDependencies): Jobs {
  const { concurrency, leaseSeconds } = config.jobs;
  const definitions = new Map<string, JobDefinition>();
  const db = createJobsDatabase(config);
  let boss: Promise<Boss> | undefined;
  let queues: Promise<Boss> | undefined;
  let starting: Promise<void> | undefined;
  let worker: JobWorker | undefined;
  let stopped: Promise<void> | undefined;

  const loadBoss = (): Promise<Boss> => (boss ??= createBoss(db));

  /** pg-boss drops without a word what is sent to a queue that does not exist. */
  const withQueues = (): Promise<Boss> => {
    queues ??= (async () => {
      const loaded = await loadBoss();
      for (const definition of definitions.values()) {
        await ensureQueue(loaded, definition, leaseSeconds);
        const { recurs } = definition.options;
        if (recurs !== undefined) await keepSchedule(db, definition.name, recurs);
      }
      return loaded;
    })();
    queues.catch(() => (queues = undefined)); // the next one tries again
    return queues;
  };

  const get = (name: string): JobDefinition => {
    const definition = definitions.get(name);
    if (definition === undefined) {
      const known = [...definitions.keys()].join(', ');
      throw new Error(`Expected a kind of job (${known}), but got "${name}": define it first.`);
    }
    return definition;
  };

  /** The worker's first look fails while the registry is away, and so pauses like any other. */
  async function startWorking(): Promise<void> {
    const loaded = await loadBoss();
    const every = (ms: number, work: () => Promise<unknown>) => {
      let last = -Infinity;
      return async (): Promise<void> => {
        if (performance.now() - last < ms) return;
        await work();
        last = performance.now();
      };
    };
    const upkeep = [
      withQueues,
      every(LOOK_AT_SCHEDULES_EVERY_MS, () => runDueSchedules(db, loaded, definitions)),
      every((leaseSeconds * SECOND) / EXPIRY_SHARE, () => loaded.expire()),
      every(ARCHIVE_EVERY_MS, async () => {
        await loaded.archive();
        await loaded.drop();
      }),
    ];
    if (stopped !== undefined) return;
    worker = startJobWorker({
      db,
      boss: loaded,
      definitions,
      concurrency,
      leaseSeconds,
      logger,
      async beforeLook() {
        for (const work of upkeep) await work();
      },
      onOutcome: onOutcome ?? (() => undefined),
      ...(pollEveryMs === undefined ? {} : { pollEveryMs }),
    });
  }

  return {
    define(name, handler, options = {}) {
      if (!NAME.test(name)) {
        throw new Error(`Expected a name such as "mail.send", but got "${name}": rename the job.`);
      }
      if (definitions.has(name)) throw new Error(`There is a job "${name}" already: rename one.`);
      if (starting !== undefined) throw new Error(`"${name}" is defined after the start: before.`);
      definitions.set(name, { name, handler, options });
    },
    async enqueue(name, data, { key, afterSeconds, within } = {}) {
      const { options } = get(name);
      assertPayload(name, data);
      const tenantId = data['tenantId'];
      const singletonKey = key ?? (typeof tenantId === 'string' ? tenantId : undefined);
      const keyed = options.overlap === 'one-waiting' || options.recurs?.eachTenant === true;
      const loaded = await withQueues();
      const id = await loaded.send(name, data, {
        ...(keyed && singletonKey !== undefined ? { singletonKey } : {}),
        ...(afterSeconds === undefined ? {} : { startAfter: afterSeconds }),
        ...(within === undefined ? {} : { db: within }),
      });
      worker?.wake();
      return id ?? undefined;
    },
    async schedule(name, { tenantId, data = {}, ...recurs }) {
      get(name);
      assertPayload(name, data);
      await withQueues();
      await keepSchedule(db, name, recurs, { tenantId, data });
    },
    async unschedule(name, tenantId) {
      get(name);
      await dropSchedule(db, name, tenantId);
    },
    start() {
      if (concurrency === 0 || definitions.size === 0) return;
      starting ??= startWorking();
    },
    stop() {
      stopped ??= (async () => {
        await starting;
        await worker?.stop(config.http.shutdownGraceMs);
        await queues?.catch(() => undefined);
        await db.close();
      })();
      return stopped;
    },
  };
}
