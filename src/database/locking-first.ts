import type { Knex } from 'knex';

/**
 * The same migration, taking the locks of all tables of its schema before it does anything.
 *
 * A migration that changes several tables locks one after another, with its work in between. A write
 * that came in the meantime holds a table the migration still wants and waits for one that it has:
 * each waits for the other until the migration gives up, and steady traffic makes it so every time.
 * Taken together the locks are a matter of a moment, and what is in the way then is only what was
 * there before.
 */
export function takingLocksFirst<T extends Knex.Migration>(migration: T, schema: string): T {
  return {
    ...migration,
    up: async (knex: Knex) => {
      await knex.raw(
        `do $$ declare places text; begin
           -- Knex keeps its record of migrations in tables of its own.
           select string_agg(format('%I.%I', schemaname, tablename), ', ' order by tablename) into places
             from pg_tables where schemaname = '${schema}' and tablename not like 'schema\\_migrations%';
           if places is not null then execute 'lock table ' || places || ' in access exclusive mode'; end if;
         end $$`,
      );
      await migration.up(knex);
    },
  };
}
