import { uuidv7 } from 'uuidv7';
import type { SqlRunner } from '../database/statement';
import { normalizeEmail } from './email-address';

export interface FirstAdmin {
  readonly name: string;
  readonly email: string;
  readonly passwordHash: string;
}

/**
 * Makes the admin of a tenant that has no user yet: whoever comes later is made by them.
 * @returns whether it did; false when the tenant has users.
 */
export async function insertFirstAdmin(
  runner: SqlRunner,
  { name, email, passwordHash }: FirstAdmin,
): Promise<boolean> {
  const rows = await runner.query({
    text: `insert into cloister.users (tenant_id, id, name, email, email_key, password_hash, role)
           select $1, $2, $3, $4, $5, $6, 'admin'
           where not exists (select from cloister.users where tenant_id = $1)
           returning id`,
    values: [runner.localTenantId, uuidv7(), name, email, normalizeEmail(email), passwordHash],
  });
  return rows.length > 0;
}
