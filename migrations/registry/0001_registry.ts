import type { Knex } from 'knex';

/**
 * The registry: which tenants there are and where their data is. No business data, ever.
 *
 * Secrets stand only in columns named `*_sealed` (see the envelope format). What changes here is
 * written to `audit_log` by triggers, whoever changes it and however, and announced on the channel
 * `registry_changed` with the id only: a listener re-reads, so nothing secret travels.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create schema if not exists registry;

    create table registry.data_sources (
      id uuid primary key,
      name text not null unique check (name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
      placement text not null check (placement in ('shared', 'dedicated', 'byo')),
      status text not null default 'active' check (status in ('active', 'draining', 'retired')),
      region text not null default 'default',
      url_sealed text not null check (url_sealed like 'v1.%'),
      migration_url_sealed text check (migration_url_sealed like 'v1.%'),
      pool_min integer not null default 0 check (pool_min between 0 and 100),
      pool_max integer not null default 10 check (pool_max between 1 and 1000),
      -- How a session states its tenant: one implicit transaction, or BEGIN and SET LOCAL (Citus).
      session_style text not null default 'direct' check (session_style in ('direct', 'distributed')),
      -- False behind poolers that cannot carry prepared statements (PgBouncer before 1.21).
      named_statements boolean not null default true,
      schema_version text,
      notes text not null default '',
      created_at timestamptz(3) not null default now(),
      updated_at timestamptz(3) not null default now()
    );

    create table registry.tenants (
      id uuid primary key,
      slug text not null unique check (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
      name text not null check (length(name) between 1 and 200),
      status text not null default 'active' check (status in ('trial', 'active', 'suspended', 'closed')),
      plan text not null default 'standard',
      subscription_status text not null default 'none',
      trial_ends_at timestamptz(3),
      region text not null default 'default',
      data_source_id uuid references registry.data_sources (id),
      -- What the tenant is called there; it differs where the customer's database was first.
      tenant_id_in_data_source uuid not null,
      notes text not null default '',
      last_accessed_at timestamptz(3),
      created_at timestamptz(3) not null default now(),
      updated_at timestamptz(3) not null default now(),
      unique (data_source_id, tenant_id_in_data_source)
    );

    -- Routing only: a keyed HMAC of the normalised e-mail, never the address nor a plain hash.
    create table registry.email_index (
      email_hmac bytea not null check (length(email_hmac) = 32),
      tenant_id uuid not null references registry.tenants (id) on delete cascade,
      primary key (email_hmac, tenant_id)
    );
    create index email_index_tenant on registry.email_index (tenant_id);

    create table registry.audit_log (
      id bigint generated always as identity primary key,
      at timestamptz(3) not null default clock_timestamp(),
      actor text,
      database_role text not null,
      table_name text not null,
      operation text not null,
      row_id uuid,
      before jsonb,
      after jsonb
    );
    create index audit_log_row on registry.audit_log (row_id, id);

    -- Sealed values are replaced by a fingerprint: a change shows, the value does not.
    create function registry.without_secrets(entry jsonb) returns jsonb
      language sql immutable set search_path = pg_catalog as $$
        select jsonb_object_agg(key, case
          when key like '%\\_sealed' and value <> 'null'::jsonb
            then to_jsonb('sealed:' || left(encode(sha256(convert_to(value #>> '{}', 'UTF8')), 'hex'), 12))
          else value end)
        from jsonb_each(entry)
      $$;

    create function registry.write_audit() returns trigger
      language plpgsql security definer set search_path = pg_catalog as $$
      declare
        old_row jsonb := case when tg_op = 'INSERT' then null else registry.without_secrets(to_jsonb(old)) end;
        new_row jsonb := case when tg_op = 'DELETE' then null else registry.without_secrets(to_jsonb(new)) end;
      begin
        -- Being used is not a change of configuration.
        if tg_op = 'UPDATE' and (old_row - 'last_accessed_at' - 'updated_at') = (new_row - 'last_accessed_at' - 'updated_at') then
          return null;
        end if;
        insert into registry.audit_log (actor, database_role, table_name, operation, row_id, before, after)
        values (nullif(current_setting('app.actor', true), ''), session_user, tg_table_name, tg_op,
                (coalesce(new_row, old_row) ->> 'id')::uuid, old_row, new_row);
        perform pg_notify('registry_changed', tg_table_name || ':' || (coalesce(new_row, old_row) ->> 'id'));
        return null;
      end
      $$;

    create trigger audit after insert or update or delete on registry.data_sources
      for each row execute function registry.write_audit();
    create trigger audit after insert or update or delete on registry.tenants
      for each row execute function registry.write_audit();

    -- The log is written by the trigger alone and never changed.
    create function registry.refuse_audit_change() returns trigger
      language plpgsql set search_path = pg_catalog as $$
      begin
        raise exception 'audit_log is append-only';
      end
      $$;
    create trigger append_only before update or delete or truncate on registry.audit_log
      for each statement execute function registry.refuse_audit_change();
  `);
}

/** The schema stays: Knex keeps its record of migrations there and has yet to strike this one out. */
export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table registry.audit_log, registry.email_index, registry.tenants, registry.data_sources;
    drop function registry.write_audit(), registry.without_secrets(jsonb), registry.refuse_audit_change();
  `);
}
