/** For rounds: every tenant that has a data source, without holding all of them at once. */
import type { RegistryStore, TenantRow } from './registry.store';

const PAGE = 500;

/** One that comes while it goes on is met or not, as its id has it; none is met twice. */
export async function* pagesOfTenants(
  registry: Pick<RegistryStore, 'listPlacedTenants'>,
  pageSize = PAGE,
): AsyncGenerator<readonly TenantRow[]> {
  let last: string | undefined;
  do {
    const page = await registry.listPlacedTenants(last, pageSize);
    if (page.length > 0) yield page;
    last = page.length < pageSize ? undefined : page.at(-1)?.id;
  } while (last !== undefined);
}
