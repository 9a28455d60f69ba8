/** What a process does besides answering requests: the kinds of job there are, put together. */
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { createJobsMetrics } from './platform/jobs/jobs-metrics';
import { createJobs, type Jobs } from './platform/jobs/jobs';
import { defineOperatorJobs } from './platform/operator-jobs';
import { defineRounds, type RoundsDependencies } from './rounds';

export interface BackgroundDependencies extends RoundsDependencies {
  readonly logger: Logger;
  readonly metricsRegistry?: Registry;
}

/** Nothing runs before `start`. */
export function createBackground(deps: BackgroundDependencies): Jobs {
  const { config, logger, metricsRegistry } = deps;
  const jobs = createJobs({
    config,
    logger,
    ...(metricsRegistry === undefined ? {} : { onOutcome: createJobsMetrics(metricsRegistry) }),
  });
  defineOperatorJobs(jobs, deps);
  defineRounds(jobs, deps);
  return jobs;
}
