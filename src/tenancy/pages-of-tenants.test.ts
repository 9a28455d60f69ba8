import { pagesOfTenants } from './pages-of-tenants';
import type { TenantRow } from './registry.store';

const registryOf = (ids: readonly string[]) => {
  const asked: number[] = [];
  return {
    asked,
    listPlacedTenants: (after: string | undefined, limit: number): Promise<TenantRow[]> => {
      asked.push(limit);
      const page = ids.filter((id) => after === undefined || id > after).slice(0, limit);
      return Promise.resolve(page.map((id) => ({ id }) as TenantRow));
    },
  };
};
const walk = async (registry: ReturnType<typeof registryOf>, size: number): Promise<string[][]> => {
  const pages: string[][] = [];
  for await (const page of pagesOfTenants(registry, size)) pages.push(page.map(({ id }) => id));
  return pages;
};

describe('the pages of all tenants', () => {
  it('hold each tenant once, so many at a time', async () => {
    expect(await walk(registryOf(['a', 'b', 'c', 'd', 'e']), 2)).toEqual([
      ['a', 'b'],
      ['c', 'd'],
      ['e'],
    ]);
  });

  it('end with a page that is not full, and where there is nobody', async () => {
    const registry = registryOf(['a', 'b', 'c', 'd']);
    expect(await walk(registry, 2)).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
    expect(registry.asked).toHaveLength(3);
    expect(await walk(registryOf([]), 2)).toEqual([]);
  });
});
