/**
 * Databases for tests. A template is built once per run, by the first worker that needs it; each
 * test file clones it in some ten milliseconds and has a database to itself.
 *
 * Roles belong to the server, not to a database, so that all clones of a purpose share its owner and
 * its run-time role. Their names are those of the embedded server.
 */
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import {
  ensureDatabase,
  restrictDatabase,
  type DatabaseSpec,
} from '../../src/embedded/database.ensure';
import {
  databaseSpec,
  EMBEDDED_DATABASES,
  type DatabaseNames,
} from '../../src/embedded/embedded-layout';
import { waitUntil } from '../../src/embedded/processes';

export interface DatabaseUrls {
  readonly name: string;
  /** Of the role that migrations run as. */
  readonly ownerUrl: string;
  /** Of the run-time role: owns nothing, is subject to row-level security. */
  readonly appUrl: string;
  readonly superuserUrl: string;
}

export interface TestDatabase extends DatabaseUrls {
  /** Removes the database. @throws Error when the test has left a connection to it open. */
  drop(): Promise<void>;
}

export interface Template {
  readonly name: string;
  readonly roles: DatabaseNames;
}

const LEAK_GRACE_MS = 2000;

/** Known to every worker without being told; guards nothing but test data. */
const ROLE_PASSWORD = 'test-only';

/** The server's superuser URL, as the global setup or TEST_POSTGRES_URL gave it. */
export function superuserUrl(database = 'postgres'): string {
  const given = process.env['TEST_POSTGRES_URL'];
  if (given === undefined) throw new Error('Expected the global setup to have started Postgres.');
  const url = new URL(given);
  url.pathname = `/${database}`;
  return url.toString();
}

/**
 * The template `name`, built by `build` if this run has not built it yet. Concurrent callers wait
 * for the one that builds. `build` must close its connections before it resolves.
 */
export async function createTemplate(
  name: string,
  build: (database: DatabaseUrls) => Promise<void>,
  roles: DatabaseNames = EMBEDDED_DATABASES.shared,
): Promise<Template> {
  const template = { name: `${runPrefix()}template_${name}`, roles };
  await withSuperuser(async (admin) => {
    // Released by the end of the connection too, should the builder die.
    await admin.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [template.name]);
    const { rows } = await admin.query<{ datistemplate: boolean }>(
      'SELECT datistemplate FROM pg_database WHERE datname = $1',
      [template.name],
    );
    if (rows[0]?.datistemplate === true) return;
    const database = admin.escapeIdentifier(template.name);
    await admin.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`); // a builder died
    const spec = specOf(template.name, roles);
    await ensureDatabase(admin, spec);
    await build(urlsOf(spec));
    await admin.query(`ALTER DATABASE ${database} IS_TEMPLATE true ALLOW_CONNECTIONS false`);
  });
  return template;
}

/** A database of the caller's own with the content of the template. */
export async function cloneDatabase(template: Template): Promise<TestDatabase> {
  const spec = specOf(`${runPrefix()}${randomBytes(6).toString('hex')}`, template.roles);
  await withSuperuser(async (admin) => {
    await admin.query(
      `CREATE DATABASE ${admin.escapeIdentifier(spec.database)} ` +
        `TEMPLATE ${admin.escapeIdentifier(template.name)} ` +
        `OWNER ${admin.escapeIdentifier(spec.owner.name)}`,
    );
    await restrictDatabase(admin, spec);
  });
  return { ...urlsOf(spec), drop: () => dropDatabase(spec.database) };
}

/** The registry's schema, brought up by `migrate`, which is given the owner's URL. */
export function registryTemplate(migrate: (ownerUrl: string) => Promise<void>): Promise<Template> {
  const build = ({ ownerUrl }: DatabaseUrls) => migrate(ownerUrl);
  return createTemplate('registry', build, EMBEDDED_DATABASES.registry);
}

/** A tenant data source's schema, brought up by `migrate`, which is given the owner's URL. */
export function tenantTemplate(migrate: (ownerUrl: string) => Promise<void>): Promise<Template> {
  const build = ({ ownerUrl }: DatabaseUrls) => migrate(ownerUrl);
  return createTemplate('tenant', build, EMBEDDED_DATABASES.shared);
}

/** For servers that outlive the run. */
export async function dropRunDatabases(): Promise<void> {
  await withSuperuser(async (admin) => {
    const { rows } = await admin.query<{ datname: string; datistemplate: boolean }>(
      'SELECT datname, datistemplate FROM pg_database WHERE starts_with(datname, $1)',
      [runPrefix()],
    );
    for (const { datname, datistemplate } of rows) {
      const database = admin.escapeIdentifier(datname);
      if (datistemplate) await admin.query(`ALTER DATABASE ${database} IS_TEMPLATE false`);
      await admin.query(`DROP DATABASE ${database} WITH (FORCE)`);
    }
  });
}

async function dropDatabase(name: string): Promise<void> {
  await withSuperuser(async (admin) => {
    const leaked = async () => {
      const { rows } = await admin.query<{ usename: string }>(
        "SELECT usename FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend'",
        [name],
      );
      return rows.map(({ usename }) => usename);
    };
    // A backend lives for a moment after its client has gone.
    await waitUntil(async () => (await leaked()).length === 0, LEAK_GRACE_MS);
    const users = await leaked();
    await admin.query(`DROP DATABASE IF EXISTS ${admin.escapeIdentifier(name)} WITH (FORCE)`);
    if (users.length > 0) {
      throw new Error(
        `Expected every connection to ${name} closed before drop(), but got ${users.length} open ` +
          `(of ${users.join(', ')}): close clients and pools in afterAll.`,
      );
    }
  });
}

async function withSuperuser(work: (admin: Client) => Promise<void>): Promise<void> {
  const admin = new Client({ connectionString: superuserUrl() });
  await admin.connect();
  try {
    await work(admin);
  } finally {
    await admin.end();
  }
}

/** Runs that share a server do not see each other's databases. */
function runPrefix(): string {
  return `cloister_test_${process.env['CLOISTER_TEST_RUN'] ?? 'alone'}_`;
}

function specOf(database: string, { owner, app }: DatabaseNames): DatabaseSpec {
  return databaseSpec({ database, owner, app }, () => ROLE_PASSWORD);
}

function urlsOf({ database, owner, app }: DatabaseSpec): DatabaseUrls {
  const as = ({ name, password }: DatabaseSpec['owner']): string => {
    const url = new URL(superuserUrl(database));
    url.username = name;
    url.password = password;
    return url.toString();
  };
  return {
    name: database,
    ownerUrl: as(owner),
    appUrl: as(app),
    superuserUrl: superuserUrl(database),
  };
}
