import type { Knex } from 'knex';

/**
 * Read replicas of data sources, by region. Who reads through one is decided by each server process
 * from its own region; a replica never takes writes.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table registry.replicas (
      id uuid primary key,
      data_source_id uuid not null references registry.data_sources (id) on delete cascade,
      name text not null unique check (name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
      region text not null check (length(region) between 1 and 63),
      status text not null default 'active' check (status in ('active', 'disabled')),
      url_sealed text not null check (url_sealed like 'v%.%'),
      pool_max integer not null default 10 check (pool_max between 1 and 1000),
      notes text not null default '',
      created_at timestamptz(3) not null default now(),
      updated_at timestamptz(3) not null default now()
    );
    create index replicas_data_source on registry.replicas (data_source_id);

    create trigger audit after insert or update or delete on registry.replicas
      for each row execute function registry.write_audit();

    -- Who caches a data source caches its replicas with it, and is told by the data source's id.
    create function registry.announce_replica() returns trigger
      language plpgsql set search_path = pg_catalog as $$
      begin
        perform pg_notify('registry_changed', 'data_sources:' || coalesce(new.data_source_id, old.data_source_id));
        return null;
      end
      $$;
    create trigger announce after insert or update or delete on registry.replicas
      for each row execute function registry.announce_replica();
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table registry.replicas;
    drop function registry.announce_replica();
  `);
}
