import { ID, registerEnumType } from 'type-graphql';
import { invalidError, notFoundError, UserFaults } from '../../../graphql/user-errors';
import { actingAs, registryAs } from '../../../tenancy/acting-as';
import { addDataSource } from '../../../tenancy/add-data-source';
import { invalidateEverything, invalidateTenant } from '../../../tenancy/invalidate';
import type { DataSourceRow, Placement } from '../../../tenancy/registry.store';
import { PLACEMENT } from '../records/data-source.record';
import { readAgain, type SchemaParts } from '../schema-parts';
import {
  idOf,
  optional,
  optionalInt,
  optionalText,
  recordField,
  required,
  text,
  uuidOf,
} from './input-fields';
import { mutation, type PlatformMutation } from './platform-mutation';

/** Those that an operator gives a data source; out of use it goes by itself. */
const STATUSES = { ACTIVE: 'active', DRAINING: 'draining' } as const;

interface PoolSizes {
  readonly poolMin?: number | null;
  readonly poolMax?: number | null;
}

const MAX_POOL_MIN = 100;
const MAX_POOL_MAX = 1000;

export function dataSourceMutations(parts: SchemaParts): PlatformMutation[] {
  const payload = { dataSource: recordField(parts, 'DataSource', 'The data source as it is now.') };
  const poolSizes = {
    poolMin: optionalInt('Connections that each server process keeps open.'),
    poolMax: optionalInt('Connections that each server process may open.'),
  };
  registerEnumType(STATUSES, {
    name: 'DataSourceUse',
    description: 'Whether a data source takes new tenants.',
    valuesConfig: {
      ACTIVE: { description: 'It does.' },
      DRAINING: { description: 'It does not, and serves those it has.' },
    },
  });

  return [
    mutation<
      PoolSizes & {
        name: string;
        placement: Placement;
        url: string;
        migrationUrl?: string | null;
        region?: string | null;
      }
    >({
      name: 'addDataSource',
      description:
        'Migrates a database and takes it into service, if it is safe to serve from. Its URLs are sealed and never shown again.',
      rule: 'owner',
      input: {
        name: text('What it is called.'),
        placement: required(parts.enumOf(PLACEMENT), 'Whose it is.'),
        url: text('Connection URL of the run-time role.'),
        migrationUrl: optionalText(
          'Connection URL of the owner; left out where the owner migrates.',
        ),
        region: optionalText('Where it is.'),
        poolMax: poolSizes.poolMax,
      },
      payload,
      run: async (context, { name, placement, url, migrationUrl, region, poolMax }) => {
        refusePoolSizes({ poolMax: poolMax ?? null });
        const registry = registryAs(context.registryDb, context.actor);
        const id = await addDataSource(
          { ...context.tenancy, registry },
          {
            name,
            placement,
            url,
            ...(typeof migrationUrl === 'string' ? { migrationUrl } : {}),
            ...(typeof region === 'string' ? { region } : {}),
            ...(typeof poolMax === 'number' ? { poolMax } : {}),
          },
        );
        return { dataSource: await readAgain(parts, context, 'DataSource', id) };
      },
    }),
    mutation<PoolSizes & { id: string; status?: 'active' | 'draining' | null }>({
      name: 'updateDataSource',
      description: 'Changes the pool sizes of a data source, or whether it takes new tenants.',
      rule: 'operator',
      input: {
        id: idOf('data source'),
        ...poolSizes,
        status: optional(STATUSES, 'Whether it takes new tenants.'),
      },
      payload,
      run: async (context, { id, poolMin, poolMax, status }) => {
        const dataSourceId = uuidOf(parts, 'DataSource', 'id', id);
        await actingAs(context.registryDb, context.actor, async (registry) => {
          const before = await registry.findDataSource(dataSourceId);
          if (before === undefined) throw new UserFaults([notFoundError(['id'], 'data source')]);
          const change: Partial<DataSourceRow> = {
            ...(typeof poolMin === 'number' ? { poolMin } : {}),
            ...(typeof poolMax === 'number' ? { poolMax } : {}),
            ...(typeof status === 'string' ? { status } : {}),
          };
          refusePoolSizes({ poolMin: before.poolMin, poolMax: before.poolMax, ...change });
          await registry.updateDataSource(dataSourceId, change);
        });
        return { dataSource: await readAgain(parts, context, 'DataSource', dataSourceId) };
      },
    }),
    mutation<{ tenantId?: string | null }>({
      name: 'invalidate',
      description:
        'Makes every server process look at a tenant’s configuration again and connect anew; at everything when no tenant is named.',
      rule: 'operator',
      input: { tenantId: optional(ID, 'Which tenant.') },
      payload: {},
      run: async (context, { tenantId }) => {
        const { registry } = context.tenancy;
        if (typeof tenantId !== 'string') {
          await invalidateEverything(registry);
          return {};
        }
        const tenant = await registry.findTenant(uuidOf(parts, 'Tenant', 'tenantId', tenantId));
        if (tenant === undefined) throw new UserFaults([notFoundError(['tenantId'], 'tenant')]);
        await invalidateTenant(registry, tenant);
        return {};
      },
    }),
  ];
}

function refusePoolSizes({ poolMin = 0, poolMax = null }: PoolSizes): void {
  const faults = [];
  if (poolMin !== null && (poolMin < 0 || poolMin > MAX_POOL_MIN)) {
    faults.push(invalidError(['poolMin'], `Expected 0 to ${MAX_POOL_MIN}, got ${poolMin}.`));
  }
  if (poolMax !== null && (poolMax < 1 || poolMax > MAX_POOL_MAX)) {
    faults.push(invalidError(['poolMax'], `Expected 1 to ${MAX_POOL_MAX}, got ${poolMax}.`));
  }
  if (poolMin !== null && poolMax !== null && poolMin > poolMax) {
    faults.push(
      invalidError(['poolMin'], `Expected at most poolMax (${poolMax}), got ${poolMin}.`),
    );
  }
  if (faults.length > 0) throw new UserFaults(faults);
}
