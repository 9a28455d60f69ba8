/**
 * The demo of the embedded mode: its data sources and tenants, enrolled again at every start, and
 * their users and records, written at the first.
 */
import { createTenantSeeder } from '../seeds/tenant-seeder';
import { createPasswords, type Passwords } from './auth/passwords';
import type { Config } from './config';
import type { Embedded } from './embedded/embedded-settings';
import { settleAll } from './lib/settle-all';
import { createOperators } from './platform/operators/operators.service';
import { findOperatorByEmail } from './platform/operators/operators.store';
import { createEmailRouting } from './request/create-context';
import type { Placement } from './tenancy/registry.store';
import {
  enrolDataSource,
  enrolTenant,
  migrateDataSource,
  type TenantSpec,
} from './tenancy/provision';
import { createTenancy, type Tenancy } from './tenancy/tenancy';

/** Of every demo user, and no secret: the embedded mode listens on this machine alone. */
export const DEMO_PASSWORD = 'correct-horse-battery';
export const DEMO_OPERATOR = 'operator@cloister.test';

/** The customer's database was there first and has its own name for the tenant. */
const HOOLI_LOCAL_ID = '00000000-0000-4000-8000-0000000000aa';

interface DemoDataSource {
  readonly key: keyof Embedded['dataSources'];
  readonly name: string;
  readonly placement: Placement;
  readonly tenants: readonly Omit<TenantSpec, 'dataSourceId'>[];
}

const DATA_SOURCES: readonly DemoDataSource[] = [
  {
    key: 'shared',
    name: 'shared-1',
    placement: 'shared',
    tenants: [
      { slug: 'acme', name: 'Acme' },
      { slug: 'globex', name: 'Globex' },
    ],
  },
  {
    key: 'initech',
    name: 'initech',
    placement: 'dedicated',
    tenants: [{ slug: 'initech', name: 'Initech' }],
  },
  {
    key: 'hooli',
    name: 'hooli',
    placement: 'byo',
    tenants: [{ slug: 'hooli', name: 'Hooli', tenantIdInDataSource: HOOLI_LOCAL_ID }],
  },
];

export interface DemoOptions {
  /** The day that the records' dates are relative to; today when absent. */
  readonly today?: Date;
}

export async function prepareDemo(
  config: Config,
  dataSources: Embedded['dataSources'],
  say: (line: string) => void,
  options: DemoOptions = {},
): Promise<void> {
  const tenancy = createTenancy(config, { listen: false });
  const passwords = createPasswords();
  const seed = createTenantSeeder({
    ...options,
    tenancy,
    passwords,
    emailRoutingOf: createEmailRouting(tenancy, config.auth.emailIndexKey),
    password: DEMO_PASSWORD,
  });
  try {
    // At once: none of them has anything to do with the others.
    await forEachAtOnce(DATA_SOURCES, async ({ key, tenants, ...dataSource }) => {
      const id = await enrolDataSource(tenancy, { ...dataSource, ...dataSources[key] });
      const row = await tenancy.registry.findDataSource(id);
      if (row !== undefined) await migrateDataSource(tenancy, row);
      await forEachAtOnce(tenants, async (tenant) => {
        await enrolTenant(tenancy, { ...tenant, dataSourceId: id });
        const enrolled = await tenancy.registry.findTenantBySlug(tenant.slug);
        if (enrolled === undefined) return;
        const seeded = await seed(enrolled);
        if (seeded !== undefined) say(`Demo records for ${tenant.slug} are made.`);
      });
    });
    await enrolOperator(tenancy, passwords);
  } finally {
    await tenancy.close();
  }
}

/** Once: who has disabled or changed them since wanted it so. */
async function enrolOperator({ registryDb }: Tenancy, passwords: Passwords): Promise<void> {
  if ((await findOperatorByEmail(registryDb, DEMO_OPERATOR)) !== undefined) return;
  await createOperators({ registryDb, passwords }).create('demo', {
    email: DEMO_OPERATOR,
    name: 'Demo operator',
    role: 'owner',
    password: DEMO_PASSWORD,
  });
}

/** @throws the first failure, once all have ended. */
async function forEachAtOnce<I>(
  items: readonly I[],
  work: (item: I) => Promise<void>,
): Promise<void> {
  for (const result of await settleAll(items, items.length, work)) {
    if (result.status === 'rejected') throw result.reason;
  }
}
