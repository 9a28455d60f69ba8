import { Float, ID, Int, registerEnumType } from 'type-graphql';
import { z } from 'zod';
import { newPasswordFault } from '../../../auth/passwords';
import { invalidError, UserFaults } from '../../../graphql/user-errors';
import { EmailAddressScalar } from '../../../graphql/scalars';
import type { Placement } from '../../../tenancy/registry.store';
import type { Limits } from '../../plans/plans.store';
import { setTenantLimits } from '../../plans/tenant-limits';
import {
  changePlan,
  closeTenant,
  reopenTenant,
  resumeTenant,
  suspendTenant,
  type LifecycleChange,
  type LifecycleDependencies,
  type TenantLife,
} from '../../tenant-lifecycle';
import type { PlatformContext } from '../platform-context';
import { PLACEMENT } from '../records/data-source.record';
import { readAgain, type SchemaParts } from '../schema-parts';
import { idOf, optional, optionalText, recordField, required, text, uuidOf } from './input-fields';
import { mutation, type PlatformMutation } from './platform-mutation';

interface LifeInput {
  readonly id: string;
  readonly reason?: string | null;
}

type LifeChange = (deps: LifecycleDependencies, change: LifecycleChange) => Promise<TenantLife>;

export function tenantMutations(parts: SchemaParts): PlatformMutation[] {
  const payload = { tenant: recordField(parts, 'Tenant', 'The tenant as it is now.') };
  const shown = async (context: PlatformContext, tenantId: string) => ({
    tenant: await readAgain(parts, context, 'Tenant', tenantId),
  });
  const idIn = (id: string): string => uuidOf(parts, 'Tenant', 'id', id);
  const reason = optionalText('For whoever looks later; never shown to the tenant.');

  const life = (name: string, description: string, change: LifeChange): PlatformMutation =>
    mutation<LifeInput>({
      name,
      description,
      rule: 'operator',
      input: { id: idOf('tenant'), reason },
      payload,
      run: async (context, { id, reason: why }) => {
        const tenantId = idIn(id);
        await change(context, {
          tenantId,
          actor: context.actor,
          ...(typeof why === 'string' ? { reason: why } : {}),
        });
        return shown(context, tenantId);
      },
    });

  return [
    createTenantMutation(parts, shown),
    life(
      'suspendTenant',
      'Takes a tenant out of service within seconds, on every process. Nothing is lost.',
      suspendTenant,
    ),
    life('resumeTenant', 'Puts a suspended tenant back into service.', resumeTenant),
    life('closeTenant', 'Takes a tenant out of service for good.', closeTenant),
    life('reopenTenant', 'Takes back that a tenant was closed, for 30 days.', reopenTenant),
    mutation<LifeInput & { plan: string }>({
      name: 'changePlan',
      description: 'Puts a tenant on another plan.',
      rule: 'operator',
      input: { id: idOf('tenant'), plan: text('Name of the plan.'), reason },
      payload,
      run: async (context, { id, plan }) => {
        const tenantId = idIn(id);
        await changePlan(context, { tenantId, plan, actor: context.actor });
        return shown(context, tenantId);
      },
    }),
    setLimitsMutation(parts, shown),
  ];
}

type Shown = (
  context: PlatformContext,
  tenantId: string,
) => Promise<Readonly<Record<string, unknown>>>;

function setLimitsMutation(parts: SchemaParts, shown: Shown): PlatformMutation {
  const names = {
    USERS: 'users',
    RECORDS: 'records',
    STORAGE_BYTES: 'storageBytes',
    REQUESTS_PER_MINUTE: 'requestsPerMinute',
    REQUESTS_PER_DAY: 'requestsPerDay',
  } as const satisfies Record<string, keyof Limits>;
  registerEnumType(names, {
    name: 'LimitName',
    description: 'What a limit is of.',
    valuesConfig: {
      USERS: { description: 'Users.' },
      RECORDS: { description: 'Records.' },
      STORAGE_BYTES: { description: 'Bytes.' },
      REQUESTS_PER_MINUTE: { description: 'Requests a minute.' },
      REQUESTS_PER_DAY: { description: 'Requests a day.' },
    },
  });
  return mutation<{ id: string; followPlan?: (keyof Limits)[] | null } & Partial<Limits>>({
    name: 'setTenantLimits',
    description:
      'Gives a tenant limits of its own. A number is the limit, null lifts it, what is left out stays.',
    rule: 'operator',
    input: {
      id: idOf('tenant'),
      users: optional(Int, 'Users at most.'),
      records: optional(Float, 'Records at most.'),
      storageBytes: optional(Float, 'Bytes at most.'),
      requestsPerMinute: optional(Int, 'Requests a minute at most.'),
      requestsPerDay: optional(Float, 'Requests a day at most.'),
      followPlan: optional([names], 'Limits that are to follow the plan again.'),
    },
    payload: { tenant: recordField(parts, 'Tenant', 'The tenant as it is now.') },
    run: async (context, { id, followPlan, ...limits }) => {
      const tenantId = uuidOf(parts, 'Tenant', 'id', id);
      const change = { tenantId, actor: context.actor, limits, followPlan: followPlan ?? [] };
      await setTenantLimits(context, change);
      return shown(context, tenantId);
    },
  });
}

interface NewTenantInput {
  readonly slug: string;
  readonly name: string;
  readonly plan: string;
  readonly placement: Placement;
  readonly region?: string | null;
  readonly dataSourceId?: string | null;
  readonly tenantIdInDataSource?: string | null;
  readonly adminEmail: string;
  readonly adminName?: string | null;
  readonly adminPassword: string;
}

const SLUG = /^[a-z0-9][a-z0-9-]{0,62}$/;

function createTenantMutation(parts: SchemaParts, shown: Shown): PlatformMutation {
  return mutation<NewTenantInput>({
    name: 'createTenant',
    description: 'Makes a tenant with its place and its first admin, who can sign in at once.',
    rule: 'operator',
    input: {
      slug: text('The short name it is addressed by.'),
      name: text('What people call it.'),
      plan: text('Name of its plan.'),
      placement: required(parts.enumOf(PLACEMENT), 'Where its data goes.'),
      region: optionalText('Where it wants to be.'),
      dataSourceId: optional(ID, 'The data source it goes to; chosen when left out.'),
      tenantIdInDataSource: optionalText(
        'What it is called there (a UUID), if it was there first.',
      ),
      adminEmail: required(EmailAddressScalar, 'Who signs in first.'),
      adminName: optionalText('What that person is called.'),
      adminPassword: text('At least 12 characters.'),
    },
    payload: { tenant: recordField(parts, 'Tenant', 'The tenant, ready to be used.') },
    run: async (context, input) => {
      refuseFaults(input);
      const { slug, name, plan, placement, adminEmail, adminName, adminPassword } = input;
      const given = <K extends string>(key: K, value: string | null | undefined) =>
        typeof value === 'string' ? ({ [key]: value } as Record<K, string>) : {};
      const dataSourceId =
        typeof input.dataSourceId === 'string'
          ? uuidOf(parts, 'DataSource', 'dataSourceId', input.dataSourceId)
          : undefined;
      const tenantId = await context.services.provisioning.register({
        slug,
        name: name.trim(),
        plan,
        placement,
        actor: context.actor,
        ...given('region', input.region),
        ...given('dataSourceId', dataSourceId),
        ...given('tenantIdInDataSource', input.tenantIdInDataSource),
        admin: { name: adminName ?? adminEmail, email: adminEmail, password: adminPassword },
      });
      return shown(context, tenantId);
    },
  });
}

function refuseFaults({ slug, name, tenantIdInDataSource, adminPassword }: NewTenantInput): void {
  const faults = [];
  if (!SLUG.test(slug)) {
    faults.push(
      invalidError(
        ['slug'],
        'Expected lower-case letters, digits and -, beginning with a letter or digit, at most 63.',
      ),
    );
  }
  if (name.trim() === '' || name.trim().length > 200) {
    faults.push(invalidError(['name'], 'Expected 1 to 200 characters.'));
  }
  if (
    typeof tenantIdInDataSource === 'string' &&
    !z.uuid().safeParse(tenantIdInDataSource).success
  ) {
    faults.push(invalidError(['tenantIdInDataSource'], 'Expected a UUID.'));
  }
  const passwordFault = newPasswordFault(adminPassword);
  if (passwordFault !== undefined) {
    faults.push(invalidError(['adminPassword'], `adminPassword ${passwordFault}.`));
  }
  if (faults.length > 0) throw new UserFaults(faults);
}
