/**
 * The two sets of migrations as Knex reads them. A migration is known by its file's stem, so that
 * the TypeScript source and the built JavaScript are the same migration to a database.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Knex } from 'knex';
import { statingCompatibility, type MigrationModule } from './compatibility-statement';
import { takingLocksFirst } from './locking-first';

export type MigrationSet = 'registry' | 'tenant';

/** The Postgres schema of each set, its record of migrations included. */
export const SCHEMAS = { registry: 'registry', tenant: 'cloister' } as const;

/** In the form that the Knex command line prints. */
interface Migration {
  readonly file: string;
}

export interface MigrationSource extends Knex.MigrationSource<Migration> {
  /** Names in order; the last one is the version of a schema that is up to date. */
  readonly names: readonly string[];
}

export interface MigrationSourceOptions {
  /** Each migration takes the locks of all tables before it does anything. */
  readonly lockingFirst?: boolean;
}

export function createMigrationSource(
  set: MigrationSet,
  { lockingFirst = false }: MigrationSourceOptions = {},
): MigrationSource {
  const directory = join(__dirname, '..', '..', 'migrations', set);
  const files = new Map(
    readdirSync(directory)
      .filter((file) => /^\d{4}_\w+\.(ts|js)$/.test(file))
      .sort()
      .map((file) => [file.replace(/\.(ts|js)$/, ''), join(directory, file)] as const),
  );
  return {
    names: [...files.keys()],
    getMigrations: () => Promise.resolve([...files.keys()].map((file) => ({ file }))),
    getMigrationName: ({ file }) => file,
    getMigration: ({ file: name }) => {
      const file = files.get(name);
      if (file === undefined) throw new Error(`There is no ${set} migration "${name}".`);
      // A migration is a module chosen at run time; it may be TypeScript, which only require is taught.
      // eslint-disable-next-line @typescript-eslint/no-require-imports
      const module = require(file) as MigrationModule;
      const migration = set === 'tenant' ? statingCompatibility(module) : module;
      return Promise.resolve(lockingFirst ? takingLocksFirst(migration, SCHEMAS[set]) : migration);
    },
  };
}

/** The settings that the Knex command line (knexfile.ts) and our own runner share. */
export function migratorConfig(
  set: MigrationSet,
  options: MigrationSourceOptions = {},
): Knex.MigratorConfig {
  return {
    migrationSource: createMigrationSource(set, options),
    schemaName: SCHEMAS[set],
    tableName: 'schema_migrations',
  };
}
