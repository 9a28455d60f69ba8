/**
 * Everything the embedded development mode brings in place of an operator: a Postgres with the
 * databases of the demo, and secrets. The secrets are made at the first start and kept in
 * `<home>/secrets.json`; nobody has a default for any of them.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Client } from 'pg';
import { z } from 'zod';
import type { EmbeddedSettings } from '../config';
import { randomPassword, readPrivateJson, writePrivateJson } from './cluster-state';
import { ensureDatabase, ensureServerAdmin } from './database.ensure';
import { EmbeddedPostgresError } from './embedded-error';
import {
  databaseSpec,
  EMBEDDED_ADMIN,
  EMBEDDED_DATABASES,
  EMBEDDED_LOGINS,
  type EmbeddedDatabase,
} from './embedded-layout';
import { embeddedUrl, startEmbeddedPostgres, type EmbeddedPostgres } from './embedded-postgres';

/** Connection URLs of one data source. Both are secrets. */
export interface EmbeddedDataSource {
  /** Of the run-time role. */
  readonly url: string;
  /** Of the owner, as whom migrations run. */
  readonly migrationUrl: string;
}

/** What the embedded mode knows of itself, in the process that runs the server or in another. */
export interface EmbeddedAccess {
  readonly settings: EmbeddedSettings;
  /** To be enrolled in the registry at every start: the port may have changed since the last. */
  readonly dataSources: Readonly<Record<Exclude<EmbeddedDatabase, 'registry'>, EmbeddedDataSource>>;
  /** Of the role that may create databases there. A secret. */
  readonly serverUrl: string;
}

export interface Embedded extends EmbeddedAccess {
  /** The caller's to stop. */
  readonly postgres: EmbeddedPostgres;
}

export interface PrepareEmbeddedOptions {
  readonly log?: (line: string) => void;
  /** Settings of the server beside ours, or in their place. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** `max_connections` for all pools of a process, several processes and a developer's psql. */
const SERVER_SETTINGS = { max_connections: '200', log_timezone: 'UTC', timezone: 'UTC' };

export const storedSecrets = z.object({
  registryKeys: z.string(),
  jwtKeys: z.string(),
  emailIndexKey: z.string(),
  cursorKey: z.string(),
  passwords: z.record(z.string(), z.string()),
});

export type EmbeddedSecrets = z.infer<typeof storedSecrets>;

/**
 * Starts the embedded Postgres in `home` and brings its databases, roles and secrets into being.
 * Schemas and tables are the migrations' business. Safe to repeat.
 * @throws EmbeddedPostgresError when the server cannot be started; it does not run then.
 */
export async function prepareEmbedded(
  home: string,
  options: PrepareEmbeddedOptions = {},
): Promise<Embedded> {
  const dataDir = join(home, 'postgres');
  const settings = { ...SERVER_SETTINGS, ...options.settings };
  const postgres = await startEmbeddedPostgres({ ...options, dataDir, settings });
  try {
    return await provide(home, postgres);
  } catch (error) {
    await postgres.stop();
    throw error;
  }
}

async function provide(home: string, postgres: EmbeddedPostgres): Promise<Embedded> {
  const admin = new Client({ connectionString: postgres.urlFor('postgres') });
  await admin.connect();
  try {
    const secrets = await keepSecrets(secretsPath(home), admin);
    for (const names of Object.values(EMBEDDED_DATABASES)) {
      await ensureDatabase(admin, databaseSpec(names, passwordsOf(secrets)));
    }
    const password = passwordsOf(secrets)(EMBEDDED_ADMIN);
    await ensureServerAdmin(admin, { name: EMBEDDED_ADMIN, password });
    return { postgres, ...embeddedAccess(postgres.port, secrets) };
  } finally {
    await admin.end();
  }
}

export const secretsPath = (home: string): string => join(home, 'secrets.json');

/** Settings and URLs of the embedded server that listens on `port`. */
export function embeddedAccess(port: number, secrets: EmbeddedSecrets): EmbeddedAccess {
  const urls = (which: EmbeddedDatabase): EmbeddedDataSource => {
    const { database, owner, app } = databaseSpec(EMBEDDED_DATABASES[which], passwordsOf(secrets));
    return {
      url: embeddedUrl(port, database, { user: app.name, password: app.password }),
      migrationUrl: embeddedUrl(port, database, { user: owner.name, password: owner.password }),
    };
  };
  return {
    settings: {
      REGISTRY_URL: urls('registry').url,
      REGISTRY_MIGRATION_URL: urls('registry').migrationUrl,
      REGISTRY_KEYS: secrets.registryKeys,
      AUTH_JWT_KEYS: secrets.jwtKeys,
      EMAIL_INDEX_KEY: secrets.emailIndexKey,
      CURSOR_KEY: secrets.cursorKey,
    },
    dataSources: {
      shared: urls('shared'),
      initech: urls('initech'),
      hooli: urls('hooli'),
    },
    serverUrl: embeddedUrl(port, 'postgres', {
      user: EMBEDDED_ADMIN,
      password: passwordsOf(secrets)(EMBEDDED_ADMIN),
    }),
  };
}

const passwordsOf =
  ({ passwords }: EmbeddedSecrets) =>
  (role: string): string => {
    const password = passwords[role];
    if (password === undefined) throw new Error(`Expected a password for the role ${role}.`);
    return password;
  };

/** Read after the server has started: then we hold its lock, and no other start writes the file. */
async function keepSecrets(path: string, admin: Client): Promise<EmbeddedSecrets> {
  const stored = await readPrivateJson(path, storedSecrets);
  if (stored === undefined && (await hasRegistry(admin))) {
    throw new EmbeddedPostgresError(
      `The embedded database exists, but ${path}, which holds the keys it is sealed with, is gone: ` +
        'bring it back, or remove the folder to start afresh.',
    );
  }
  const secrets: EmbeddedSecrets = {
    registryKeys: stored?.registryKeys ?? `k1:${randomKey()}`,
    jwtKeys: stored?.jwtKeys ?? `j1:${randomKey()}`,
    emailIndexKey: stored?.emailIndexKey ?? randomKey(),
    cursorKey: stored?.cursorKey ?? randomKey(),
    // Filled up role by role, so that a later version may add a database.
    passwords: {
      ...Object.fromEntries(EMBEDDED_LOGINS.map((role) => [role, randomPassword()])),
      ...stored?.passwords,
    },
  };
  await writePrivateJson(path, secrets);
  return secrets;
}

async function hasRegistry(admin: Client): Promise<boolean> {
  const { rowCount } = await admin.query('SELECT FROM pg_database WHERE datname = $1', [
    EMBEDDED_DATABASES.registry.database,
  ]);
  return rowCount !== 0;
}

/** 32 bytes in hex. */
const randomKey = (): string => randomBytes(32).toString('hex');
