import type { Knex } from 'knex';

/**
 * Data keys: one for each tenant, data source and database server, which seals what belongs to it, and is itself
 * sealed by the master key. A rotation of the master key so re-seals keys and no secrets, and
 * whoever destroys a tenant's data keys destroys all that was sealed for it.
 *
 * No foreign key to the owner: its secrets are sealed before its row is written. What was destroyed
 * leaves its row without the key, so that an envelope that turns up later can be told from a forged
 * one.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table registry.data_keys (
      id uuid primary key,
      owner_kind text not null check (owner_kind in ('data_source', 'tenant', 'database_server')),
      owner_id uuid not null,
      -- active: seals and opens; retired: opens; destroyed: gone for good.
      status text not null default 'active' check (status in ('active', 'retired', 'destroyed')),
      -- What sealed it: which kind of key service, and which of its keys.
      provider text not null check (provider in ('local', 'aws-kms', 'vault')),
      master_key_id text not null check (length(master_key_id) between 1 and 2048),
      key_sealed text,
      created_at timestamptz(3) not null default now(),
      updated_at timestamptz(3) not null default now(),
      retired_at timestamptz(3),
      destroyed_at timestamptz(3),
      check ((status = 'destroyed') = (key_sealed is null))
    );
    create unique index data_keys_one_active on registry.data_keys (owner_kind, owner_id) where status = 'active';
    create index data_keys_owner on registry.data_keys (owner_kind, owner_id);
    create index data_keys_master on registry.data_keys (provider, master_key_id, id) where status <> 'destroyed';

    -- A change of all data keys that was begun and not finished: whoever goes on with it learns here
    -- which keys are old.
    create table registry.data_key_renewals (
      id uuid primary key,
      started_at timestamptz(3) not null default now(),
      finished_at timestamptz(3)
    );
    create unique index data_key_renewals_one on registry.data_key_renewals ((true)) where finished_at is null;

    create trigger audit after insert or update or delete on registry.data_key_renewals
      for each row execute function registry.write_audit();
    create trigger audit after insert or update or delete on registry.data_keys
      for each row execute function registry.write_audit();

    -- With an owner's row its keys go, whoever deletes it.
    create function registry.destroy_data_keys() returns trigger
      language plpgsql security definer set search_path = pg_catalog as $$
      begin
        update registry.data_keys
          set status = 'destroyed', key_sealed = null, destroyed_at = now(), updated_at = now()
          where owner_kind = tg_argv[0] and owner_id = old.id and status <> 'destroyed';
        return null;
      end
      $$;
    create trigger destroy_data_keys after delete on registry.tenants
      for each row execute function registry.destroy_data_keys('tenant');
    create trigger destroy_data_keys after delete on registry.data_sources
      for each row execute function registry.destroy_data_keys('data_source');
  `);
}

/** What was sealed with data keys cannot be opened afterwards. */
export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop trigger destroy_data_keys on registry.tenants;
    drop trigger destroy_data_keys on registry.data_sources;
    drop function registry.destroy_data_keys();
    drop table registry.data_keys, registry.data_key_renewals;
  `);
}
