import type { RegistryStore, TenantRow } from '../tenancy/registry.store';

/** The tenant that was named is none; the message is for the operator as it is. */
export class UnknownTenant extends Error {
  override readonly name = 'UnknownTenant';
  constructor(slug: string) {
    super(`There is no tenant "${slug}": \`cloister tenants list\` shows those there are.`);
  }
}

/** @throws UnknownTenant */
export async function getTenantBySlug(
  registry: Pick<RegistryStore, 'findTenantBySlug'>,
  slug: string,
): Promise<TenantRow> {
  const tenant = await registry.findTenantBySlug(slug);
  if (tenant === undefined) throw new UnknownTenant(slug);
  return tenant;
}
