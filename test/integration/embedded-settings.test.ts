import { chmod, mkdtemp, readFile, rm, stat, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { ensureDatabase } from '../../src/embedded/database.ensure';
import {
  databaseSpec,
  EMBEDDED_DATABASES,
  EMBEDDED_ADMIN,
  EMBEDDED_ROLES,
} from '../../src/embedded/embedded-layout';
import { prepareEmbedded, type Embedded } from '../../src/embedded/embedded-settings';

let home: string;
let embedded: Embedded;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'embedded-'));
  await chmod(home, 0o711);
  embedded = await prepareEmbedded(home);
});

afterAll(async () => {
  await embedded.postgres.stop();
  await rm(home, { recursive: true, force: true });
});

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

const superuser = (sql: string) => query(embedded.postgres.urlFor('postgres'), sql);

describe('prepareEmbedded', () => {
  it('gives every role its own databases, as owner and as run-time role', async () => {
    const { settings, dataSources } = embedded;
    const registry = {
      url: settings.REGISTRY_URL,
      migrationUrl: settings.REGISTRY_MIGRATION_URL,
    };
    const seen: unknown[] = [];
    for (const { url, migrationUrl } of [registry, ...Object.values(dataSources)]) {
      for (const each of [url, migrationUrl]) {
        seen.push(
          ...(await query(each, 'SELECT current_database() AS name, current_user AS role')),
        );
      }
    }
    expect(seen).toEqual([
      { name: 'cloister_registry', role: 'cloister_registry_app' },
      { name: 'cloister_registry', role: 'cloister_registry_owner' },
      { name: 'cloister_shared', role: 'cloister_shared_app' },
      { name: 'cloister_shared', role: 'cloister_shared_owner' },
      { name: 'cloister_initech', role: 'cloister_initech_app' },
      { name: 'cloister_initech', role: 'cloister_initech_owner' },
      { name: 'hooli_crm', role: 'hooli_app' },
      { name: 'hooli_crm', role: 'hooli_owner' },
    ]);
  });

  it('makes no role that could pass row-level security, and one alone that makes others', async () => {
    const unsafe = await superuser(
      `SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> 'postgres'
          AND (rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole OR rolreplication)`,
    );
    // For tenants that register; it makes databases and owns no table.
    expect(unsafe).toEqual([{ rolname: EMBEDDED_ADMIN }]);
  });

  it('lets no role connect to a database that is not its own', async () => {
    const allowed = await superuser(
      `SELECT role.rolname
         FROM pg_roles role, pg_database db
        WHERE role.rolname = ANY ('{${EMBEDDED_ROLES.join(',')}}')
          AND db.datname NOT IN ('postgres', 'template0', 'template1')
          AND has_database_privilege(role.oid, db.oid, 'CONNECT')`,
    );
    // One each: its own, as the test before has seen.
    expect(allowed.map(({ rolname }) => rolname).sort()).toEqual([...EMBEDDED_ROLES].sort());
  });

  it('lets the owner make a schema, and the run-time role make nothing', async () => {
    const { url, migrationUrl } = embedded.dataSources.shared;
    await query(migrationUrl, 'CREATE SCHEMA cloister');
    await expect(query(url, 'CREATE SCHEMA mine')).rejects.toThrow('permission denied');
    await expect(query(url, 'CREATE TABLE public.mine ()')).rejects.toThrow('permission denied');
    await expect(query(url, 'CREATE TEMPORARY TABLE mine ()')).rejects.toThrow('permission denied');
  });

  it('keeps secrets of 32 bytes where only their owner can read them', async () => {
    const { settings } = embedded;
    expect(settings.REGISTRY_KEYS).toMatch(/^k1:[0-9a-f]{64}$/);
    expect(settings.AUTH_JWT_KEYS).toMatch(/^j1:[0-9a-f]{64}$/);
    expect(settings.EMAIL_INDEX_KEY).toMatch(/^[0-9a-f]{64}$/);
    expect(settings.CURSOR_KEY).toMatch(/^[0-9a-f]{64}$/);
    expect((await stat(join(home, 'secrets.json'))).mode & 0o777).toBe(0o600);
  });

  it('finds databases and secrets again at the second start, and refuses to go on without them', async () => {
    await query(embedded.dataSources.hooli.migrationUrl, 'CREATE SCHEMA kept');
    const { settings, dataSources } = embedded;
    await embedded.postgres.stop();
    embedded = await prepareEmbedded(home);
    expect(embedded.settings).toEqual(settings);
    expect(embedded.dataSources).toEqual(dataSources);
    await query(embedded.dataSources.hooli.migrationUrl, 'CREATE TABLE kept.t ()');

    await embedded.postgres.stop();
    await unlink(join(home, 'secrets.json'));
    await expect(prepareEmbedded(home)).rejects.toThrow('which holds the keys it is sealed with');
  });
});

describe('ensureDatabase', () => {
  const names = { database: 'ensured', owner: 'ensured_owner', app: 'ensured_app' };

  beforeAll(async () => {
    // The tests above have ended with the server stopped and the secrets gone.
    await rm(home, { recursive: true, force: true });
    home = await mkdtemp(join(tmpdir(), 'embedded-'));
    await chmod(home, 0o711);
    embedded = await prepareEmbedded(home);
  });

  async function ensure(password: string): Promise<void> {
    const admin = new Client({ connectionString: embedded.postgres.urlFor('postgres') });
    await admin.connect();
    try {
      await ensureDatabase(
        admin,
        databaseSpec(names, () => password),
      );
    } finally {
      await admin.end();
    }
  }

  it('may run many times at once', async () => {
    await Promise.all(Array.from({ length: 8 }, () => ensure('first')));
    const url = embedded.postgres.urlFor('ensured', { user: 'ensured_app', password: 'first' });
    expect(await query(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('takes back what a role should not have, and sets its password', async () => {
    await ensure('first');
    await superuser('ALTER ROLE ensured_app BYPASSRLS CREATEDB NOLOGIN');
    await ensure('second');
    const url = embedded.postgres.urlFor('ensured', { user: 'ensured_app', password: 'second' });
    expect(
      await query(
        url,
        'SELECT rolbypassrls, rolcreatedb FROM pg_roles WHERE rolname = current_user',
      ),
    ).toEqual([{ rolbypassrls: false, rolcreatedb: false }]);
  });

  it('shows the server no password, not even where statements are logged', async () => {
    await superuser("ALTER SYSTEM SET log_statement = 'all'");
    await superuser('SELECT pg_reload_conf()');
    await ensure('a-canary-password');
    const log = await readFile(join(home, 'postgres.log'), 'utf8');
    expect(log).toContain('ALTER ROLE "ensured_app"');
    expect(log).not.toContain('a-canary-password');
  });

  it('covers the layout of the embedded server, whose databases are all there', async () => {
    const rows = await superuser(
      "SELECT datname FROM pg_database WHERE datname ~ '^(cloister|hooli)_'",
    );
    expect(rows.map(({ datname }) => datname).sort()).toEqual(
      Object.values(EMBEDDED_DATABASES)
        .map(({ database }) => database)
        .sort(),
    );
  });
});
