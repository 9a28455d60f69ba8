/** Seeds tenants of a registry, with what the rules of records need beside the database. */
import type { Passwords } from '../src/auth/passwords';
import type { RuleServices } from '../src/crm/kind/kind';
import type { TenantRow } from '../src/tenancy/registry.store';
import type { Tenancy } from '../src/tenancy/tenancy';
import { seedTenant, type Seeded, type SeedOptions } from './seed-tenant';

export interface TenantSeederOptions extends Pick<SeedOptions, 'password' | 'today'> {
  readonly tenancy: Tenancy;
  readonly passwords: Passwords;
  /** The registry's index of a tenant's addresses, by the tenant's id. */
  readonly emailRoutingOf: (tenantId: string) => RuleServices['emailRouting'];
}

export type SeedTenant = (tenant: TenantRow) => Promise<Seeded | undefined>;

/** @returns undefined for a tenant that has had the records before; see `seedTenant`. */
export function createTenantSeeder({
  tenancy,
  passwords,
  emailRoutingOf,
  ...options
}: TenantSeederOptions): SeedTenant {
  let hash: Promise<string> | undefined;
  // All demo users have one password, so it is hashed once.
  const hashPassword = (password: string): Promise<string> => (hash ??= passwords.hash(password));
  return (tenant) =>
    seedTenant(tenancy.openSession(tenant), {
      ...options,
      slug: tenant.slug,
      services: { hashPassword, emailRouting: emailRoutingOf(tenant.id) },
    });
}
