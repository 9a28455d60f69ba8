/** What a kind of job states about itself, and what its handler is given. */

/** What a job carries: ids and small facts, never a secret and never a record (`job-payload.ts`). */
export type JobData = Readonly<Record<string, string | number | boolean | null>>;

export interface JobRun {
  readonly id: string;
  readonly data: JobData;
  /** 1 for the first. A job may run again after it ran to its end: handlers must bear that. */
  readonly attempt: number;
  /** Aborted when the process must stop, the time is over, or the job was given to another worker. */
  readonly signal: AbortSignal;
  /** What `cloister jobs show` tells of a job that runs: counts, never a secret. */
  progress(state: JobData): Promise<void>;
}

/** @returns what is kept as the outcome: counts and ids. */
export type JobHandler = (run: JobRun) => Promise<JobData | void>;

export interface Recurrence {
  /** Period in seconds, counted from the epoch. */
  readonly everySeconds: number;
  /** How far after the start of each period: 03:00 UTC each day is 10,800 of 86,400. */
  readonly atSeconds?: number;
}

export interface JobOptions {
  /** Tries after the first; default 5. What fails then goes to the dead letters. */
  readonly retryLimit?: number;
  /** Before the first retry; doubled with each, with jitter. Default 10. */
  readonly retryDelaySeconds?: number;
  /** How many run at once in one process, at most; default: as many jobs as the process runs. */
  readonly atOnce?: number;
  /** How long one run may take; default 10 minutes. */
  readonly timeoutMs?: number;
  /**
   * `any` (default): each is a job of its own. `one`: one runs and one waits, in all processes
   * together. `one-waiting`: for each key one waits, however many are asked for.
   */
  readonly overlap?: 'any' | 'one' | 'one-waiting';
  /** Recurs for the whole installation, or once for each tenant in use. */
  readonly recurs?: Recurrence & { readonly eachTenant?: boolean };
}

export interface JobDefinition {
  readonly name: string;
  readonly handler: JobHandler;
  readonly options: JobOptions;
}
