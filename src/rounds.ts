/**
 * What recurs: rounds over the whole installation. One of each runs at a time, whichever process has
 * it; what a round leaves over the next one does, so that a failed round is not repeated at once.
 */
import type { Config } from './config';
import { DAY, HOUR, MINUTE, SECOND } from './lib/duration';
import type { JobHandler } from './platform/jobs/job.port';
import type { Jobs } from './platform/jobs/jobs';
import { pruneRequests } from './platform/plans/prune-requests';
import type { TenantPlans } from './platform/plans/tenant-plans';
import type { Provisioning } from './platform/provisioning/provisioning';
import { endTrials } from './platform/tenant-lifecycle';
import { pruneIdempotencyKeys } from './request/idempotency/prune-idempotency-keys';
import { sweepMoves } from './tenancy/move/move-tenant';
import { pruneChangeLog } from './tenancy/prune-change-log';
import { recheckHostnames } from './tenancy/routes/hostnames';
import { tellAllTenantShares } from './tenancy/tell-tenant-shares';
import type { Tenancy } from './tenancy/tenancy';

export interface RoundsDependencies {
  readonly config: Config;
  readonly tenancy: Tenancy;
  readonly provisioning: Pick<Provisioning, 'sweep'>;
  readonly plans: Pick<TenantPlans, 'measureUsage'>;
}

const AT_NIGHT_MS = 3 * HOUR;

export function defineRounds(jobs: Pick<Jobs, 'define'>, deps: RoundsDependencies): void {
  const { tenancy, provisioning, plans } = deps;
  const round = (name: string, everyMs: number, work: JobHandler, atMs = 0): void =>
    jobs.define(name, work, {
      retryLimit: 0,
      timeoutMs: HOUR,
      recurs: { everySeconds: everyMs / SECOND, atSeconds: atMs / SECOND },
    });

  round('provisioning.sweep', MINUTE, async () => ({ ...(await provisioning.sweep()) }));
  round('trials.end', MINUTE, async () => ({ ended: await endTrials(tenancy) }));
  round('usage.measure', 5 * MINUTE, async ({ signal }) => ({
    tenants: await plans.measureUsage({ signal }),
  }));
  round('moves.sweep', 10 * SECOND, async () => ({ done: (await sweepMoves(tenancy)).length }));
  round(
    'change-log.prune',
    DAY,
    async ({ signal }) => {
      const { removed, failed } = await pruneChangeLog(tenancy, { signal });
      return { removed, failed: failed.length };
    },
    AT_NIGHT_MS,
  );
  round('idempotency-keys.prune', HOUR, async ({ signal }) => {
    const { removed, failed } = await pruneIdempotencyKeys(tenancy, { signal });
    return { removed, failed: failed.length };
  });
  round(
    'requests.prune',
    DAY,
    async ({ signal }) => ({ removed: await pruneRequests(tenancy, { signal }) }),
    AT_NIGHT_MS,
  );
  round(
    'tenant-shares.tell',
    DAY,
    async ({ signal }) => ({ ...(await tellAllTenantShares(tenancy, signal)) }),
    AT_NIGHT_MS,
  );
  round(
    'hostnames.recheck',
    DAY,
    async ({ signal }) => {
      const { checked, lost } = await recheckHostnames(tenancy, signal);
      return { checked, lost: lost.length };
    },
    AT_NIGHT_MS + HOUR,
  );
}
