/** Jobs as Prometheus sees them. Labelled by kind, of which the code has a few, and never by tenant. */
import { Counter, Histogram, type Registry } from 'prom-client';
import type { JobOutcome } from './job-worker';

const SECONDS = [0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900];

/** @returns to be called with each job that ended. */
export function createJobsMetrics(
  registry: Registry,
): (name: string, outcome: JobOutcome, seconds: number) => void {
  const registers = [registry];
  const runs = new Counter({
    name: 'cloister_job_runs_total',
    help: 'Runs of jobs by kind: completed, failed (to be tried again), dead, or returned at a stop.',
    labelNames: ['job', 'outcome'],
    registers,
  });
  const durations = new Histogram({
    name: 'cloister_job_duration_seconds',
    help: 'Time that a run of a job took, by kind.',
    labelNames: ['job'],
    buckets: SECONDS,
    registers,
  });
  return (job, outcome, seconds) => {
    runs.inc({ job, outcome });
    durations.observe({ job }, seconds);
  };
}
