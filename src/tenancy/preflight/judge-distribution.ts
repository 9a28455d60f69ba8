/** Whether a database is a Citus cluster that we can serve from; docs/decisions/0010-distributed-sessions.md. */
import type { JudgedServer } from './judged-server';
import { passed, problem, type PreflightFinding } from './preflight-finding';

/** Outer joins under a policy: https://github.com/citusdata/citus/pull/7937 */
const OLDEST_UNDER_CITUS = 17;

export function judgeDistribution({
  app,
  owner,
}: Pick<JudgedServer, 'app' | 'owner'>): PreflightFinding {
  if (!app.extensions.includes('citus')) return passed('distribution', 'one server');
  const role = owner?.role ?? 'the owner';
  if (app.versionNumber < OLDEST_UNDER_CITUS * 10_000) {
    return problem(
      'failed',
      'distribution',
      `Citus on Postgres ${app.version}`,
      `Citus refuses outer joins under row-level security before Postgres ${OLDEST_UNDER_CITUS}: upgrade the servers.`,
    );
  }
  return problem(
    'warning',
    'distribution',
    'Citus; it is enrolled with the session style distributed',
    `Read docs/scaling.md first; ${role} distributes the tables, and the workers have to take triggers on them.`,
    "select run_command_on_workers('alter system set citus.enable_unsafe_triggers = on');\nselect run_command_on_workers('select pg_reload_conf()');",
  );
}
