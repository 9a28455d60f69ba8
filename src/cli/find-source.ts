import { DataSourceRefused } from '../tenancy/add-data-source';
import type { DataSourceRow, RegistryStore } from '../tenancy/registry.store';

/** @throws DataSourceRefused that says how to see what there is. */
export async function getSource(
  registry: Pick<RegistryStore, 'findDataSourceByName'>,
  name: string,
): Promise<DataSourceRow> {
  const row = await registry.findDataSourceByName(name);
  if (row !== undefined) return row;
  throw new DataSourceRefused(
    `There is no data source "${name}": \`cloister sources list\` shows them.`,
  );
}
