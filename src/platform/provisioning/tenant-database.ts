/**
 * A database with its two roles on one of our servers: the owner, as whom migrations run, and the
 * run-time role, which owns nothing. Every statement may be repeated: whoever was killed in between
 * is followed by somebody who finds what is there and makes the rest.
 */
import type { Client } from 'pg';
import type { ConnectionSettings } from '../../database/connection-url';
import { grantRuntime } from '../../database/migrate-database';
import { withClient } from '../../database/with-client';
import { SECOND } from '../../lib/duration';
import { ensureRole, joinRole, type RoleSpec } from './roles';
import { ensureTemplate } from './template-database';

export interface TenantDatabase {
  readonly database: string;
  readonly owner: RoleSpec;
  readonly app: RoleSpec;
}

/** Told what has just been done. */
export type OnProgress = (what: string) => void;

/** A clone copies some megabytes; on a busy server it waits its turn. */
const WITHIN_MS = 30 * SECOND;
const FIRST_WITH_STRATEGIES = 150_000;

export const withAdmin = <T>(
  server: ConnectionSettings,
  work: (admin: Client) => Promise<T>,
): Promise<T> =>
  withClient(server, { applicationName: 'cloister-provision', withinMs: WITHIN_MS }, work);

/** @param server connects as an administrator who may create databases and roles. */
export async function createTenantDatabase(
  server: ConnectionSettings,
  { database, owner, app }: TenantDatabase,
  onProgress: OnProgress = () => undefined,
): Promise<void> {
  const template = await withAdmin(server, async (admin) => {
    const template = await ensureTemplate(admin, server);
    await ensureRole(admin, owner);
    await ensureRole(admin, app);
    await joinRole(admin, owner.name);
    onProgress('roles');
    const [name, ownerName, appName] = [database, owner.name, app.name].map((each) =>
      admin.escapeIdentifier(each),
    );
    const { rowCount } = await admin.query('select from pg_database where datname = $1', [
      database,
    ]);
    if (rowCount === 0) {
      const strategy = await cloneStrategy(admin);
      await admin.query(
        `create database ${name} template ${admin.escapeIdentifier(template.database)} owner ${ownerName}${strategy}`,
      );
    }
    onProgress('clone');
    await admin.query(`revoke all on database ${name} from public`);
    await admin.query(`grant connect on database ${name} to ${appName}`);
    return template;
  });
  await withAdmin({ ...server, database }, async (inside) => {
    const ownerName = inside.escapeIdentifier(owner.name);
    // First: who is to own what is in it must be allowed to make such things there.
    await inside.query(`alter schema cloister owner to ${ownerName}`);
    const templateOwner = inside.escapeIdentifier(template.owner);
    await inside.query(`reassign owned by ${templateOwner} to ${ownerName}`);
    await inside.query(`set role ${ownerName}`);
    await grantRuntime(inside, 'tenant', app.name);
  });
  onProgress('grants');
}

/** Nothing is left of it; what is gone already is no error. */
export async function dropTenantDatabase(
  server: ConnectionSettings,
  { database, owner, app }: TenantDatabase,
): Promise<void> {
  await withAdmin(server, async (admin) => {
    const { rows } = await admin.query<{ rolname: string }>(
      'select rolname from pg_roles where rolname = any($1)',
      [[owner.name, app.name]],
    );
    if (rows.some(({ rolname }) => rolname === owner.name)) await joinRole(admin, owner.name);
    await admin.query(`drop database if exists ${admin.escapeIdentifier(database)} with (force)`);
    for (const { rolname } of rows) {
      await admin.query(`drop role if exists ${admin.escapeIdentifier(rolname)}`);
    }
  });
}

/** By way of the log: copying files instead makes the whole server write everything down, twice. */
async function cloneStrategy(admin: Client): Promise<string> {
  const { rows } = await admin.query<{ version: string }>(
    `select current_setting('server_version_num') as version`,
  );
  return Number(rows[0]?.version ?? 0) >= FIRST_WITH_STRATEGIES ? ' strategy wal_log' : '';
}
