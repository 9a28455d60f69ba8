/** A handler that works on one tenant's data: by a session of that tenant, and no other way. */
import type { OperationSession } from '../../tenancy/session.port';
import type { TenantRow } from '../../tenancy/registry.store';
import type { Tenancy } from '../../tenancy/tenancy';
import type { JobData, JobHandler, JobRun } from './job.port';

export interface TenantJobRun extends JobRun {
  readonly tenant: TenantRow;
  /** Ends with the job. */
  readonly session: OperationSession;
}

const IN_USE: ReadonlySet<string> = new Set(['trial', 'active']);

/**
 * The job's data must hold `tenantId`. A tenant that is gone, suspended or closed by now has no work
 * done for it: the job ends and says so.
 */
export function tenantJob(
  tenancy: Pick<Tenancy, 'registry' | 'openSession'>,
  work: (run: TenantJobRun) => Promise<JobData | void>,
): JobHandler {
  return async (run) => {
    const { tenantId } = run.data;
    if (typeof tenantId !== 'string') {
      throw new TypeError('A job of a tenant needs "tenantId" in its data, but got none.');
    }
    // Not from the cache: what is decided here is not asked again by a user.
    const tenant = await tenancy.registry.findTenant(tenantId);
    if (tenant === undefined || !IN_USE.has(tenant.status)) {
      return { skipped: tenant?.status ?? 'unknown tenant' };
    }
    const session = tenancy.openSession(tenant);
    const cancel = (): void => session.cancel(run.signal.reason as Error);
    run.signal.addEventListener('abort', cancel, { once: true });
    try {
      return await work({ ...run, tenant, session });
    } finally {
      run.signal.removeEventListener('abort', cancel);
      await session.end();
    }
  };
}
