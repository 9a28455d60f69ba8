/**
 * The database that new ones are cloned from: the schema of this version, empty. Cloning takes tens of
 * milliseconds where migrating takes a second. Each version of the schema has a template of its own
 * on each server, made at first need by whoever needs it first.
 *
 * The template belongs to the server's administrator and its tables to a role that cannot log in: in
 * a clone all that is that role's is handed to the tenant's owner, and nothing else. Administrators
 * do not share templates, for one has no say over roles that another has made.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Client } from 'pg';
import type { ConnectionSettings } from '../../database/connection-url';
import { migrateDatabase } from '../../database/migrate-database';
import { createMigrationSource } from '../../database/migration-source';
import { ensureRole, joinRole } from './roles';

export interface Template {
  readonly database: string;
  readonly owner: string;
}

/** Per server: templates are made one at a time. */
const TEMPLATE_LOCK = 7_302_521;
/** This version and the one before it may run side by side during an upgrade. */
const VERSIONS_IN_USE = 2;

function templateOf(user: string, migrations: readonly string[]): Template {
  const digest = createHash('sha256')
    .update([user, ...migrations].join('\n'))
    .digest('hex');
  const database = `cloister_template_${digest.slice(0, 16)}`;
  return { database, owner: `${database}_owner` };
}

/** @param admin connected to the server's maintenance database. */
export async function ensureTemplate(admin: Client, server: ConnectionSettings): Promise<Template> {
  const template = templateOf(server.user, createMigrationSource('tenant').names);
  if (await isTemplate(admin, template)) return template;
  await admin.query('select pg_advisory_lock($1)', [TEMPLATE_LOCK]);
  try {
    if (await isTemplate(admin, template)) return template;
    const database = admin.escapeIdentifier(template.database);
    const owner = admin.escapeIdentifier(template.owner);
    // Left by a maker that died: it never became a template.
    await admin.query(`drop database if exists ${database} with (force)`);
    const password = randomBytes(24).toString('base64url');
    await ensureRole(admin, { name: template.owner, password });
    await joinRole(admin, template.owner);
    await admin.query(`create database ${database} template template0`);
    await admin.query(`revoke all on database ${database} from public`);
    await admin.query(`grant connect, create on database ${database} to ${owner}`);
    const login = { user: template.owner, password, database: template.database };
    await migrateDatabase({ ...server, ...login }, 'tenant');
    await admin.query(`alter role ${owner} nologin password null`);
    await admin.query(`alter database ${database} with is_template true allow_connections false`);
    return template;
  } finally {
    await admin.query('select pg_advisory_unlock($1)', [TEMPLATE_LOCK]);
  }
}

/** Removes the templates of versions that nobody runs any more. @returns how many there were. */
export async function dropOutdatedTemplates(admin: Client, user: string): Promise<number> {
  const { names } = createMigrationSource('tenant');
  const outdated = names
    .map((_, index) => templateOf(user, names.slice(0, index + 1)))
    .slice(0, -VERSIONS_IN_USE);
  const { rows } = await admin.query<{ datname: string }>(
    'select datname from pg_database where datname = any($1)',
    [outdated.map(({ database }) => database)],
  );
  for (const { datname } of rows) await dropTemplate(admin, datname);
  return rows.length;
}

/** @param name of the database; its owner goes with it. */
export async function dropTemplate(admin: Client, name: string): Promise<void> {
  const database = admin.escapeIdentifier(name);
  await admin.query(`alter database ${database} with is_template false`);
  await admin.query(`drop database if exists ${database} with (force)`);
  await admin.query(`drop role if exists ${admin.escapeIdentifier(`${name}_owner`)}`);
}

async function isTemplate(admin: Client, { database }: Template): Promise<boolean> {
  const { rowCount } = await admin.query(
    'select from pg_database where datname = $1 and datistemplate',
    [database],
  );
  return rowCount !== 0;
}
