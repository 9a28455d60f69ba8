/** The demo of the embedded mode: its data sources and tenants, enrolled again at every start. */
import type { Config } from './config';
import type { Embedded } from './embedded/embedded-settings';
import { enrolDataSource, enrolTenant, migrateDataSource } from './tenancy/provision';
import { createTenancy } from './tenancy/tenancy';

/** The customer's database was there first and has its own name for the tenant. */
const HOOLI_LOCAL_ID = '00000000-0000-4000-8000-0000000000aa';

const DATA_SOURCES = [
  { key: 'shared', name: 'shared-1', placement: 'shared' },
  { key: 'initech', name: 'initech', placement: 'dedicated' },
  { key: 'hooli', name: 'hooli', placement: 'byo' },
] as const;

const TENANTS = [
  { slug: 'acme', name: 'Acme', on: 'shared' },
  { slug: 'globex', name: 'Globex', on: 'shared' },
  { slug: 'initech', name: 'Initech', on: 'initech' },
  { slug: 'hooli', name: 'Hooli', on: 'hooli', tenantIdInDataSource: HOOLI_LOCAL_ID },
] as const;

export async function prepareDemo(
  config: Config,
  dataSources: Embedded['dataSources'],
  say: (line: string) => void,
): Promise<void> {
  const tenancy = createTenancy(config, { listen: false });
  try {
    const ids = new Map<string, string>();
    for (const { key, name, placement } of DATA_SOURCES) {
      const id = await enrolDataSource(tenancy, { name, placement, ...dataSources[key] });
      ids.set(key, id);
      const row = await tenancy.registry.findDataSource(id);
      if (row !== undefined) await migrateDataSource(tenancy, row);
    }
    for (const { on, ...tenant } of TENANTS) {
      await enrolTenant(tenancy, { ...tenant, dataSourceId: ids.get(on) ?? '' });
    }
    say('Demo tenants are ready.');
  } finally {
    await tenancy.close();
  }
}
