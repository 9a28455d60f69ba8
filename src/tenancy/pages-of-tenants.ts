/** For rounds: every tenant that has a data source, without holding all of them at once. */
import { keysetPages } from '../lib/keyset-pages';
import type { RegistryStore, TenantRow } from './registry.store';

const PAGE = 500;

export const pagesOfTenants = (
  registry: Pick<RegistryStore, 'listPlacedTenants'>,
  pageSize = PAGE,
): AsyncGenerator<readonly TenantRow[]> =>
  keysetPages<TenantRow>((last, limit) => registry.listPlacedTenants(last?.id, limit), {
    pageSize,
  });
