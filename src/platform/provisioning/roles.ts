import type { Client } from 'pg';
import { scramVerifier } from '../../database/scram-verifier';

export interface RoleSpec {
  readonly name: string;
  /** Printable ASCII. It does not travel: the server is given its verifier. */
  readonly password: string;
}

/** A role that may log in and nothing else, with this password. */
export async function ensureRole(admin: Client, { name, password }: RoleSpec): Promise<void> {
  const { rowCount } = await admin.query('select from pg_roles where rolname = $1', [name]);
  const verb = rowCount === 0 ? 'create' : 'alter';
  const verifier = admin.escapeLiteral(await scramVerifier(password));
  await admin.query(`${verb} role ${admin.escapeIdentifier(name)} login password ${verifier}`);
}

/** An administrator who is no superuser hands over only to roles that they are a member of. */
export async function joinRole(admin: Client, name: string): Promise<void> {
  const { rows } = await admin.query<{ joined: boolean }>(
    `select rolsuper as joined from pg_roles where rolname = current_user`,
  );
  if (rows[0]?.joined === true) return;
  await admin.query(`grant ${admin.escapeIdentifier(name)} to current_user`);
}
