/** Limits of a tenant's own, in the place of its plan's. */
import type { Knex } from 'knex';
import { notFound } from '../../errors';
import { invalidError, UserFaults } from '../../graphql/user-errors';
import { actingAs } from '../../tenancy/acting-as';
import { LIMIT_COLUMNS, LIMIT_NAMES, type Limits } from './plans.store';

export interface TenantLimitsChange {
  readonly tenantId: string;
  readonly actor: string;
  /** A number is the limit, null lifts the plan's. */
  readonly limits: Partial<Limits>;
  /** Limits that are to follow the plan again. */
  readonly followPlan?: readonly (keyof Limits)[];
}

/** What is not named stays as it is. @throws NOT_FOUND, UserFaults. */
export async function setTenantLimits(
  { registryDb }: { readonly registryDb: Knex },
  { tenantId, actor, limits, followPlan = [] }: TenantLimitsChange,
): Promise<void> {
  const faults = LIMIT_NAMES.filter((name) => {
    const limit = limits[name] ?? null;
    return limit !== null && !(Number.isSafeInteger(limit) && limit > 0);
  });
  if (faults.length > 0) {
    throw new UserFaults(
      faults.map((name) =>
        invalidError([name], 'Expected a whole number above 0, or null for none.'),
      ),
    );
  }
  await actingAs(registryDb, actor, async (_registry, trx) => {
    const tenant = await trx('registry.tenants')
      .where('id', tenantId)
      .forUpdate()
      .first<{ overrides: Record<string, number | null> } | undefined>({
        overrides: 'limit_overrides',
      });
    if (tenant === undefined) throw notFound('tenant');
    const overrides = { ...tenant.overrides };
    for (const name of LIMIT_NAMES) {
      const limit = limits[name];
      if (limit !== undefined) overrides[LIMIT_COLUMNS[name]] = limit;
    }
    for (const name of followPlan) delete overrides[LIMIT_COLUMNS[name]];
    await trx('registry.tenants')
      .where('id', tenantId)
      .update({ limit_overrides: JSON.stringify(overrides), updated_at: trx.fn.now() });
  });
}
