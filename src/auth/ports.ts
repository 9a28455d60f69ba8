/**
 * What authentication needs of the layers above it. They hand it in, for `auth` knows neither where
 * tenants live nor how a connection is had.
 */
import type { SqlRunner } from '../database/statement';

export interface EmailIndex {
  /** Registry ids of the tenants that have a user with this e-mail address, by its keyed hash. */
  findTenantIds(emailIndexKey: Buffer): Promise<string[]>;
}

export interface TenantDescription {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  /** `trial` and `active` may sign in, `suspended` is told so; any other passes for unknown. */
  readonly status: string;
}

export const maySignIn = ({ status }: TenantDescription): boolean =>
  status === 'active' || status === 'trial';

export interface TenantAccess {
  /** @throws TENANT_UNAVAILABLE when it is not known and the registry cannot be asked */
  describe(tenantId: string): Promise<TenantDescription | undefined>;
  /** Runs work in the tenant's data source; each statement is a transaction of its own. */
  run<T>(tenantId: string, work: (sql: SqlRunner) => Promise<T>): Promise<T>;
  /** Runs work in one transaction, rolled back when the work throws. */
  transaction<T>(tenantId: string, work: (sql: SqlRunner) => Promise<T>): Promise<T>;
}
