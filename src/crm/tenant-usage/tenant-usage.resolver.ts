import { Ctx, Extensions, Query, Resolver } from 'type-graphql';
import type { FieldExtensions } from '../../graphql/extensions';
import type { RequestContext } from '../../request/context';
import { TenantUsage } from './tenant-usage.type';

/** It counts on a session of its own: the operation's sends no statement for it. */
const FOR_ADMINS: FieldExtensions = { rule: 'admin', statements: 0 };

@Resolver(() => TenantUsage)
export class TenantUsageResolver {
  @Query(() => TenantUsage, {
    description: 'What the organisation uses, and what its plan allows.',
  })
  @Extensions(FOR_ADMINS)
  tenantUsage(@Ctx() { plan }: RequestContext): Promise<TenantUsage> {
    return plan.usage();
  }
}
