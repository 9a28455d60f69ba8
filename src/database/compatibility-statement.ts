/** What a data source says of the code that may be older than itself; see `schema-compatibility.ts`. */
import type { Knex } from 'knex';

/** The last tenant migration of the release before this one. Moves on with each release. */
export const OLDEST_SERVED_SCHEMA = '0003_import_runs';

/** Named so that what looks over the tenants' tables knows it for bookkeeping. */
export const COMPATIBILITY_TABLE = 'cloister.schema_migrations_compatibility';

/** What a migration's file exports. */
export interface MigrationModule extends Knex.Migration {
  /** The newest migration that a code must know to work after this one. */
  readonly oldestCode?: string;
}

/**
 * The same migration, stating first what code may be older than it. One that takes away what the
 * code of the release before still uses says so: `export const oldestCode = '0009_…'`.
 */
export function statingCompatibility(migration: MigrationModule): MigrationModule {
  const oldestCode = migration.oldestCode ?? OLDEST_SERVED_SCHEMA;
  return {
    ...migration,
    up: async (knex: Knex) => {
      await knex.raw(`
        create table if not exists ${COMPATIBILITY_TABLE} (
          one boolean primary key default true check (one),
          oldest_code text not null
        )`);
      await knex.raw(
        `insert into ${COMPATIBILITY_TABLE} as stated (oldest_code) values (?)
         on conflict (one) do update set oldest_code = greatest(stated.oldest_code collate "C", excluded.oldest_code)`,
        [oldestCode],
      );
      await migration.up(knex);
    },
  };
}
