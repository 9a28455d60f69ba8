/**
 * Keeps one tenant's expensive operations from taking the server from the others: what they cost
 * together within a minute is bounded, in this process. Cheap operations are not counted, so that
 * ordinary traffic neither pays for the counting nor is ever refused by it.
 */
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { rateLimited } from '../../errors';
import { MINUTE, SECOND } from '../../lib/duration';

const FREE_COST = 1000;

export interface TenantBudget {
  /**
   * At once where nothing is counted; rejects with AppError RATE_LIMITED when the tenant has spent the
   * minute's budget.
   */
  spend(tenantId: string, cost: number): Promise<void> | undefined;
}

export function createTenantBudget(costPerMinute: number): TenantBudget {
  const limiter = new RateLimiterMemory({ points: costPerMinute, duration: MINUTE / SECOND });
  const consume = async (tenantId: string, cost: number): Promise<void> => {
    try {
      await limiter.consume(tenantId, cost);
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      throw rateLimited(Math.max(1, Math.ceil(refusal.msBeforeNext / SECOND)));
    }
  };
  return {
    spend: (tenantId, cost) => (cost <= FREE_COST ? undefined : consume(tenantId, cost)),
  };
}
