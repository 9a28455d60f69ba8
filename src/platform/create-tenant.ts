/** A new tenant: its row, its place in its data source, its first admin there, and the way to log in. */
import { z } from 'zod';
import { createEmailIndexKeyOf, normalizeEmail } from '../auth/email-address';
import { insertFirstAdmin } from '../auth/first-admin';
import { newPasswordFault, type Passwords } from '../auth/passwords';
import { enrolTenant } from '../tenancy/provision';
import type { Tenancy } from '../tenancy/tenancy';

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

/** The tenant cannot be made as asked. The message names every fault. */
export class TenantRefused extends Error {
  override readonly name = 'TenantRefused';
}

/**
 * Repeatable after a failure: what was begun is finished, for until there is an admin nobody can
 * have used it.
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
  const known = await tenancy.registry.findTenantBySlug(slug);
  if (known !== undefined && known.dataSourceId !== dataSource.id) throw taken(slug);
  const passwordHash = await passwords.hash(admin.password);
  const id = await enrolTenant(tenancy, {
    slug,
    name,
    dataSourceId: dataSource.id,
    ...(tenantIdInDataSource === undefined ? {} : { tenantIdInDataSource }),
  });
  const tenant = await tenancy.registry.findTenant(id);
  if (tenant === undefined)
    throw new Error(`The tenant "${slug}" was registered but is not found.`);
  const email = admin.email.trim();
  await tenancy.openSession(tenant).transaction(async (tx) => {
    if (!(await insertFirstAdmin(tx, { name: email, email, passwordHash }))) throw taken(slug);
    // Before the commit: an address too many in the index costs a look, one too few a log-in.
    await tenancy.registry.addEmail(
      createEmailIndexKeyOf(emailIndexKey)(normalizeEmail(email)),
      id,
    );
  });
  return id;
}

const taken = (slug: string): TenantRefused =>
  new TenantRefused(`There is a tenant "${slug}" already: choose another slug.`);

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
