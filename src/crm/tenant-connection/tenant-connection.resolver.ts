import { Ctx, Extensions, Query, Resolver } from 'type-graphql';
import type { FieldExtensions } from '../../graphql/extensions';
import type { RequestContext } from '../../request/context';
import { TenantConnection } from './tenant-connection.type';

/** It looks over a connection of its own: the operation's session sends no statement for it. */
const FOR_ADMINS: FieldExtensions = { rule: 'admin', statements: 0 };

@Resolver(() => TenantConnection)
export class TenantConnectionResolver {
  @Query(() => TenantConnection, {
    description:
      'Looks at the way to the tenant’s data, step by step, for an admin who wants to know what is wrong. Never tells a secret.',
  })
  @Extensions(FOR_ADMINS)
  tenantConnection(@Ctx() { tenantConnection }: RequestContext): Promise<TenantConnection> {
    return tenantConnection();
  }
}
