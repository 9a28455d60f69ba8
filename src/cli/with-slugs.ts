import type { RegistryStore } from '../tenancy/registry.store';

interface OfTenant {
  readonly tenantId: string;
}

/** Each row with its tenant's slug, found for a page at once. */
export async function* withSlugs<Row extends OfTenant>(
  registry: Pick<RegistryStore, 'findTenants'>,
  pages: AsyncIterable<readonly Row[]>,
): AsyncGenerator<readonly (Row & { readonly slug: string })[]> {
  for await (const rows of pages) {
    const tenants = await registry.findTenants([...new Set(rows.map(({ tenantId }) => tenantId))]);
    const slugOf = new Map(tenants.map(({ id, slug }) => [id, slug]));
    yield rows.map((row) => ({ ...row, slug: slugOf.get(row.tenantId) ?? '(gone)' }));
  }
}
