/**
 * The servers that databases of tenants are made on: where they are, and the sealed URL of an
 * administrator who may create databases and roles there. No tenant's traffic goes by that URL.
 */
import { uuidv7 } from 'uuidv7';
import {
  formatConnectionUrl,
  parseConnectionUrl,
  type ConnectionSettings,
} from '../database/connection-url';
import { tenantUnavailable } from '../errors';
import { actingAs } from '../tenancy/acting-as';
import { enrolDataSource } from '../tenancy/provision';
import type { Tenancy } from '../tenancy/tenancy';
import { withAdmin } from './provisioning/tenant-database';

type ServerDependencies = Pick<Tenancy, 'registryDb' | 'registry' | 'secretBox' | 'addressGuard'>;

export interface ServerSpec {
  readonly name: string;
  /** Connects as the administrator, to a database that is always there, such as `postgres`. */
  readonly adminUrl: string;
  readonly region?: string;
  /** Room for so many databases of tenants; without it there is always room. */
  readonly maxDatabases?: number;
  /** Connections that each server process may open to each of them. */
  readonly poolMax?: number;
}

export interface DatabaseServer {
  readonly id: string;
  readonly name: string;
  readonly status: 'active' | 'draining' | 'retired';
  readonly region: string;
  readonly maxDatabases: number | null;
  readonly poolMax: number;
  readonly databases: number;
}

/** It cannot make databases for us. The message says what to change. */
export class ServerRefused extends Error {
  override readonly name = 'ServerRefused';
}

const NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;
const OLDEST_VERSION = 130_000;

const ownerOf = (id: string) => ({ kind: 'database_server', id }) as const;
const placeOf = (id: string) => ({ rowId: id, column: 'admin_url_sealed' });

/** @throws ServerRefused, ConnectionUrlError, TENANT_UNAVAILABLE when it does not answer. */
export async function addServer(
  deps: ServerDependencies,
  spec: ServerSpec,
  actor: string,
): Promise<string> {
  if (!NAME.test(spec.name)) {
    throw new ServerRefused(
      'Expected a name of lower-case letters, digits, _ and -, beginning with a letter or digit, of at most 63.',
    );
  }
  if ((await deps.registryDb('registry.database_servers').where('name', spec.name)).length > 0) {
    throw new ServerRefused(
      `There is a server "${spec.name}" already: \`cloister servers list\` shows all of them.`,
    );
  }
  await assertCanMakeDatabases(parseConnectionUrl(spec.adminUrl));
  return enrolServer(deps, spec, actor);
}

/**
 * Enrols it or changes what is known of it, without a look at it; for servers that are our own. When
 * it is somewhere else now, the databases that were made on it are there too.
 */
export async function enrolServer(
  tenancy: ServerDependencies,
  { name, adminUrl, region, maxDatabases, poolMax }: ServerSpec,
  actor: string,
): Promise<string> {
  const { registryDb, secretBox } = tenancy;
  const known = await registryDb('registry.database_servers')
    .where('name', name)
    .first<{ id: string } | undefined>('id');
  const id = known?.id ?? uuidv7();
  const connection = parseConnectionUrl(adminUrl);
  const url = formatConnectionUrl(connection);
  const columns = {
    admin_url_sealed: await secretBox.seal(ownerOf(id), placeOf(id), url),
    ...(region === undefined ? {} : { region }),
    ...(maxDatabases === undefined ? {} : { max_databases: maxDatabases }),
    ...(poolMax === undefined ? {} : { pool_max: poolMax }),
  };
  await actingAs(registryDb, actor, async (_registry, trx) => {
    await trx('registry.database_servers')
      .insert({ id, name, ...columns })
      .onConflict('name')
      .merge({ ...columns, updated_at: trx.fn.now() });
  });
  if (known !== undefined) await moveDataSources(tenancy, id, connection);
  return id;
}

/** Gives the data sources of a server its present address; those that have it are left alone. */
async function moveDataSources(
  tenancy: ServerDependencies,
  serverId: string,
  { host, port, tls }: ConnectionSettings,
): Promise<void> {
  const ids = await tenancy
    .registryDb('registry.data_sources')
    .where('server_id', serverId)
    .pluck<string[]>('id');
  for (const id of ids) {
    const row = await tenancy.registry.findDataSource(id);
    if (row === undefined) continue;
    const open = async (column: string, sealed: string): Promise<ConnectionSettings> =>
      parseConnectionUrl(
        await tenancy.secretBox.open({ kind: 'data_source', id }, { rowId: id, column }, sealed),
      );
    const app = await open('url_sealed', row.urlSealed);
    if (app.host === host && app.port === port && app.tls === tls) continue;
    const there = (settings: ConnectionSettings): string =>
      formatConnectionUrl({ ...settings, host, port, tls });
    await enrolDataSource(tenancy, {
      name: row.name,
      placement: row.placement,
      url: there(app),
      ...(row.migrationUrlSealed === null
        ? {}
        : { migrationUrl: there(await open('migration_url_sealed', row.migrationUrlSealed)) }),
    });
  }
}

export async function listServers({
  registryDb,
}: Pick<ServerDependencies, 'registryDb'>): Promise<DatabaseServer[]> {
  const { rows } = await registryDb.raw<{ rows: DatabaseServer[] }>(
    `select s.id, s.name, s.status, s.region, s.max_databases as "maxDatabases",
            s.pool_max as "poolMax",
            (select count(*)::int from registry.data_sources d where d.server_id = s.id) as databases
     from registry.database_servers s order by s.name`,
  );
  return rows;
}

export interface OpenedServer {
  readonly connection: ConnectionSettings;
  readonly poolMax: number;
  readonly region: string;
}

/** @throws TENANT_UNAVAILABLE: BAD_KEY, or NO_DATA_SOURCE when the server is no longer known. */
export async function openServer(
  { registryDb, secretBox }: ServerDependencies,
  id: string,
): Promise<OpenedServer> {
  const row = await registryDb('registry.database_servers')
    .where('id', id)
    .first<{ sealed: string; poolMax: number; region: string } | undefined>({
      sealed: 'admin_url_sealed',
      poolMax: 'pool_max',
      region: 'region',
    });
  if (row === undefined) throw tenantUnavailable('NO_DATA_SOURCE');
  const url = await secretBox.open(ownerOf(id), placeOf(id), row.sealed);
  return { connection: parseConnectionUrl(url), poolMax: row.poolMax, region: row.region };
}

async function assertCanMakeDatabases(connection: ConnectionSettings): Promise<void> {
  const facts = await withAdmin(connection, async (admin) => {
    const { rows } = await admin.query<{ may: boolean; version: string }>(
      `select rolsuper or (rolcreatedb and rolcreaterole) as may,
              current_setting('server_version_num') as version
       from pg_roles where rolname = current_user`,
    );
    return rows[0];
  }).catch((error: unknown) => {
    throw tenantUnavailable('DATA_SOURCE_UNREACHABLE', error);
  });
  if (Number(facts?.version ?? 0) < OLDEST_VERSION) {
    throw new ServerRefused('Expected PostgreSQL 13 or later, but the server is older.');
  }
  if (facts?.may === true) return;
  throw new ServerRefused(
    'The role of the URL may not create databases and roles: `alter role … createdb createrole`, or use another.',
  );
}
