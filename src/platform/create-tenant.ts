/** A new tenant where an operator wants it: what registration makes, without choosing a place. */
import { z } from 'zod';
import { newPasswordFault, type Passwords } from '../auth/passwords';
import { UserErrorCode, UserFaults } from '../graphql/user-errors';
import type { Tenancy } from '../tenancy/tenancy';
import { createProvisioning } from './provisioning/provisioning';

export interface NewTenantSpec {
  readonly slug: string;
  readonly name: string;
  /** Name of the data source. */
  readonly source: string;
  readonly tenantIdInDataSource?: string;
  readonly admin: { readonly email: string; readonly password: string };
}

export interface CreateTenantDependencies {
  readonly tenancy: Tenancy;
  readonly passwords: Passwords;
  readonly emailIndexKey: string;
}

/** Without a trial; the platform API gives any other. */
const OPERATORS_PLAN = 'standard';

/** The tenant cannot be made as asked. The message names every fault. */
export class TenantRefused extends Error {
  override readonly name = 'TenantRefused';
}

/**
 * Repeatable after a failure, with the same admin: what was begun is gone on with.
 * @returns the tenant's id. @throws TenantRefused, TENANT_UNAVAILABLE.
 */
export async function createTenant(
  { tenancy, passwords, emailIndexKey }: CreateTenantDependencies,
  { slug, name, source, tenantIdInDataSource, admin }: NewTenantSpec,
): Promise<string> {
  refuseFaults({ slug, name, tenantIdInDataSource, admin });
  const dataSource = await tenancy.registry.findDataSourceByName(source);
  if (dataSource === undefined) {
    throw new TenantRefused(
      `There is no data source "${source}": \`cloister sources list\` shows them.`,
    );
  }
  if (dataSource.status !== 'active') {
    throw new TenantRefused(
      `The data source "${source}" is ${dataSource.status} and takes no new tenants: choose another.`,
    );
  }
  const email = admin.email.trim();
  try {
    return await createProvisioning({ tenancy, passwords, emailIndexKey }).register({
      slug,
      name,
      plan: OPERATORS_PLAN,
      placement: dataSource.placement,
      region: dataSource.region,
      dataSourceId: dataSource.id,
      ...(tenantIdInDataSource === undefined ? {} : { tenantIdInDataSource }),
      admin: { name: email, email, password: admin.password },
    });
  } catch (error) {
    if (!(error instanceof UserFaults)) throw error;
    if (isTaken(error)) {
      throw new TenantRefused(`There is a tenant "${slug}" already: choose another short name.`);
    }
    throw new TenantRefused(`The tenant "${slug}" cannot be created: ${error.message}.`);
  }
}

const isTaken = ({ userErrors }: UserFaults): boolean =>
  userErrors.some(({ code, field }) => code === UserErrorCode.CONFLICT && field[0] === 'slug');

type Checked = Pick<NewTenantSpec, 'slug' | 'name' | 'admin'> & {
  readonly tenantIdInDataSource: string | undefined;
};

function refuseFaults({ slug, name, tenantIdInDataSource, admin }: Checked): void {
  const faults = [
    ...(/^[a-z0-9][a-z0-9-]{0,62}$/.test(slug)
      ? []
      : [
          'slug: expected lower-case letters, digits and -, beginning with a letter or digit, at most 63',
        ]),
    ...(name.length >= 1 && name.length <= 200 ? [] : ['name: expected 1 to 200 characters']),
    ...(tenantIdInDataSource === undefined || z.uuid().safeParse(tenantIdInDataSource).success
      ? []
      : ['tenant id in the data source: expected a UUID']),
    ...(z.email().safeParse(admin.email.trim()).success
      ? []
      : ['admin e-mail: expected an e-mail address']),
  ];
  const passwordFault = newPasswordFault(admin.password);
  if (passwordFault !== undefined) faults.push(`admin password: ${passwordFault}`);
  if (faults.length > 0) {
    throw new TenantRefused(
      `The tenant cannot be created:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`,
    );
  }
}
