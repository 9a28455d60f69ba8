/** One thing that a preflight looked at, and what it found. */
export const PREFLIGHT_CHECKS = [
  'url',
  'connect',
  'tls',
  'version',
  'latency',
  'role',
  'owner',
  'connections',
  'encoding',
  'collation',
  'timeZone',
  'timeouts',
  'writable',
  'extensions',
  'distribution',
  'pooler',
  'schema',
] as const;
export type PreflightCheck = (typeof PREFLIGHT_CHECKS)[number];

export interface PreflightFinding {
  readonly check: PreflightCheck;
  /** `warning`: it works, and would be better otherwise. */
  readonly status: 'passed' | 'warning' | 'failed';
  readonly detail: string;
  /** What to do; null when nothing is. */
  readonly remedy: string | null;
  /** What to run, as the server's administrator; null where SQL does not help. */
  readonly sql: string | null;
}

export const passed = (check: PreflightCheck, detail: string): PreflightFinding => ({
  check,
  status: 'passed',
  detail,
  remedy: null,
  sql: null,
});
export const problem = (
  status: 'warning' | 'failed',
  check: PreflightCheck,
  detail: string,
  remedy: string,
  sql: string | null = null,
): PreflightFinding => ({ check, status, detail, remedy, sql });
