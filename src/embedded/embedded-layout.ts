/**
 * What the embedded server holds: the registry and one data source for each kind of placement. All
 * four lie on one server for want of a second, but with databases, roles and passwords apart, as if
 * each were elsewhere. `hooli` is the customer's own, hence not under our name.
 */
import type { DatabaseSpec } from './database.ensure';

export interface DatabaseNames {
  readonly database: string;
  readonly owner: string;
  readonly app: string;
}

export const EMBEDDED_DATABASES = {
  registry: named('cloister_registry'),
  shared: named('cloister_shared'),
  initech: named('cloister_initech'),
  hooli: { database: 'hooli_crm', owner: 'hooli_owner', app: 'hooli_app' },
} as const satisfies Record<string, DatabaseNames>;

export type EmbeddedDatabase = keyof typeof EMBEDDED_DATABASES;

/** May create databases and roles, for tenants that register; is no superuser, as with most providers. */
export const EMBEDDED_ADMIN = 'cloister_server_admin';

/** Every role of these databases, in a fixed order. */
export const EMBEDDED_ROLES: readonly string[] = Object.values(EMBEDDED_DATABASES).flatMap(
  ({ owner, app }) => [owner, app],
);

/** Every role that has a password of ours. */
export const EMBEDDED_LOGINS: readonly string[] = [...EMBEDDED_ROLES, EMBEDDED_ADMIN];

/** The specification of a database, given the password of each role. */
export function databaseSpec(
  { database, owner, app }: DatabaseNames,
  passwordOf: (role: string) => string,
): DatabaseSpec {
  return {
    database,
    owner: { name: owner, password: passwordOf(owner) },
    app: { name: app, password: passwordOf(app) },
  };
}

function named(database: string): DatabaseNames {
  return { database, owner: `${database}_owner`, app: `${database}_app` };
}
