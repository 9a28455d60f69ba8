/**
 * What authentication needs of the layers above it. They hand it in, for `auth` knows neither where
 * tenants live nor how a connection is had.
 */
import type { SqlRunner } from '../database/statement';
import { tenantClosed, tenantSuspended, trialEnded, type AppError } from '../errors';

export interface EmailIndex {
  /** Registry ids of the tenants that have a user with this e-mail address, by its keyed hash. */
  findTenantIds(emailIndexKey: Buffer): Promise<string[]>;
}

export interface TenantDescription {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  /**
   * `trial` and `active` may sign in; `suspended`, `trial_ended` and `closed` are told so; any other
   * passes for unknown.
   */
  readonly status: string;
}

export const maySignIn = ({ status }: TenantDescription): boolean =>
  status === 'active' || status === 'trial';

/** What somebody of the tenant is told who may not sign in; undefined when there is nothing to tell. */
export function refusalOf({ status }: TenantDescription): AppError | undefined {
  if (status === 'suspended') return tenantSuspended();
  if (status === 'trial_ended') return trialEnded();
  return status === 'closed' ? tenantClosed() : undefined;
}

export interface TenantAccess {
  /** @throws TENANT_UNAVAILABLE when it is not known and the registry cannot be asked */
  describe(tenantId: string): Promise<TenantDescription | undefined>;
  /** Runs work in the tenant's data source; each statement is a transaction of its own. */
  run<T>(tenantId: string, work: (sql: SqlRunner) => Promise<T>): Promise<T>;
  /** Runs work in one transaction, rolled back when the work throws. */
  transaction<T>(tenantId: string, work: (sql: SqlRunner) => Promise<T>): Promise<T>;
}

/** Seals what must be readable again, with a key of the tenant's own that is nowhere in its data. */
export interface TenantSecrets {
  /** @param place the row's id and column where it will be stored: it opens nowhere else */
  seal(tenantId: string, place: SecretPlace, text: string): Promise<string>;
  open(tenantId: string, place: SecretPlace, sealed: string): Promise<string>;
}

export interface SecretPlace {
  readonly rowId: string;
  readonly column: string;
}
