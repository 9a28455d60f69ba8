/**
 * A database with its two roles: the owner, as whom migrations run, and the run-time role, which
 * owns nothing and cannot pass row-level security. Schemas, tables and grants on them are the
 * migrations' business.
 */
import { Client } from 'pg';
import { scramVerifier } from '../database/scram-verifier';

export interface RoleSpec {
  readonly name: string;
  /** Printable ASCII. */
  readonly password: string;
}

export interface DatabaseSpec {
  readonly database: string;
  readonly owner: RoleSpec;
  readonly app: RoleSpec;
}

/** Any number, but the same in every process: `ensureDatabase` runs one at a time per server. */
const ENSURE_LOCK = 7_246_001;

const UNSAFE_ATTRIBUTES = {
  rolsuper: 'NOSUPERUSER',
  rolbypassrls: 'NOBYPASSRLS',
  rolcreatedb: 'NOCREATEDB',
  rolcreaterole: 'NOCREATEROLE',
  rolreplication: 'NOREPLICATION',
} as const;

type RoleAttributes = Record<keyof typeof UNSAFE_ATTRIBUTES, boolean>;

/**
 * Makes roles and database where they are missing and puts right what differs: passwords, attributes
 * of the roles, who may connect. Safe to repeat and to run concurrently.
 *
 * @param admin connected, as a superuser; stays the caller's to close.
 */
export async function ensureDatabase(admin: Client, spec: DatabaseSpec): Promise<void> {
  await admin.query('SELECT pg_advisory_lock($1)', [ENSURE_LOCK]);
  try {
    await ensureRole(admin, spec.owner);
    await ensureRole(admin, spec.app);
    const found = await admin.query('SELECT FROM pg_database WHERE datname = $1', [spec.database]);
    if (found.rowCount === 0) {
      // Not in a transaction, as CREATE DATABASE cannot be; each step here is repeatable instead.
      await admin.query(
        `CREATE DATABASE ${id(admin, spec.database)} OWNER ${id(admin, spec.owner.name)}`,
      );
    }
    await restrictDatabase(admin, spec);
    await closePublicSchema(admin, spec.database);
  } finally {
    await admin.query('SELECT pg_advisory_unlock($1)', [ENSURE_LOCK]);
  }
}

/** Lets nobody but the two roles connect. A clone of a database does not inherit these grants. */
export async function restrictDatabase(
  admin: Client,
  spec: { readonly database: string; readonly owner: Named; readonly app: Named },
): Promise<void> {
  const database = id(admin, spec.database);
  const roles = [spec.owner, spec.app].map(({ name }) => id(admin, name)).join(', ');
  await admin.query(`REVOKE ALL ON DATABASE ${database} FROM PUBLIC`);
  await admin.query(`GRANT CONNECT ON DATABASE ${database} TO ${roles}`);
}

type Named = Pick<RoleSpec, 'name'>;

async function ensureRole(admin: Client, role: RoleSpec): Promise<void> {
  const columns = Object.keys(UNSAFE_ATTRIBUTES).join(', ');
  const found = await admin.query<RoleAttributes>(
    `SELECT ${columns} FROM pg_roles WHERE rolname = $1`,
    [role.name],
  );
  const attributes = found.rows[0];
  const verb = attributes === undefined ? 'CREATE' : 'ALTER';
  // A safe attribute is not named again: Postgres lets only a superuser as much as mention some.
  const corrections = (Object.keys(UNSAFE_ATTRIBUTES) as (keyof RoleAttributes)[])
    .filter((attribute) => attributes === undefined || attributes[attribute])
    .map((attribute) => UNSAFE_ATTRIBUTES[attribute]);
  const password = admin.escapeLiteral(await scramVerifier(role.password));
  await admin.query(
    `${verb} ROLE ${id(admin, role.name)} LOGIN ${corrections.join(' ')} PASSWORD ${password}`,
  );
}

/** The role that databases of tenants are made by. Safe to repeat. @param admin as a superuser. */
export async function ensureServerAdmin(
  admin: Client,
  { name, password }: RoleSpec,
): Promise<void> {
  const found = await admin.query('SELECT FROM pg_roles WHERE rolname = $1', [name]);
  const verb = found.rowCount === 0 ? 'CREATE' : 'ALTER';
  const verifier = admin.escapeLiteral(await scramVerifier(password));
  await admin.query(
    `${verb} ROLE ${id(admin, name)} LOGIN CREATEDB CREATEROLE PASSWORD ${verifier}`,
  );
}

/** Postgres before 15 lets every role create in `public`. */
async function closePublicSchema(admin: Client, database: string): Promise<void> {
  const { host, port, user, password, ssl } = admin;
  const inside = new Client({ host, port, user, password, ssl, database });
  await inside.connect();
  try {
    await inside.query('REVOKE CREATE ON SCHEMA public FROM PUBLIC');
  } finally {
    await inside.end();
  }
}

const id = (admin: Client, name: string): string => admin.escapeIdentifier(name);
