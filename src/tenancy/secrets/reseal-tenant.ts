/** Brings what is sealed in a tenant's own database under the tenant's active data key. */
import type { Tenancy } from '../tenancy';
import { resealValues, type SealedValue } from './reseal-values';
import { TENANT_SEALED_COLUMNS } from './sealed-columns';

export interface TenantReseal {
  readonly resealed: number;
  readonly faults: { readonly what: string; readonly detail: string }[];
}

/** @throws TENANT_UNAVAILABLE. A tenant that is gone has nothing left. */
export async function resealTenant(
  { registry, keys, openSession }: Pick<Tenancy, 'registry' | 'keys' | 'openSession'>,
  tenantId: string,
): Promise<TenantReseal> {
  const tenant = await registry.findTenant(tenantId);
  const faults: TenantReseal['faults'] = [];
  if (tenant === undefined || tenant.dataSourceId === null) return { resealed: 0, faults };
  const session = openSession(tenant);
  let count = 0;
  try {
    for (const { table, column } of TENANT_SEALED_COLUMNS) {
      const values = await session.query<SealedValue>({
        text: `select id, id as "rowId", $2::text as "ownerId", ${column} as sealed from cloister.${table} where tenant_id = $1`,
        values: [tenant.tenantIdInDataSource, tenantId],
      });
      const result = await resealValues(keys, 'tenant', column, values);
      for (const { id, detail } of result.faults) {
        faults.push({ what: `tenant ${tenant.slug}: ${table} ${id}, ${column}`, detail });
      }
      if (result.resealed.length === 0) continue;
      await session.transaction((tx) =>
        tx.query({
          text: `update cloister.${table} t set ${column} = c.after
                 from unnest($2::uuid[], $3::text[], $4::text[]) as c (id, before, after)
                 where t.tenant_id = $1 and t.id = c.id and t.${column} = c.before`,
          values: [
            tx.localTenantId,
            result.resealed.map(({ id }) => id),
            result.resealed.map(({ before }) => before),
            result.resealed.map(({ after }) => after),
          ],
        }),
      );
      count += result.resealed.length;
    }
  } finally {
    await session.end();
  }
  return { resealed: count, faults };
}
