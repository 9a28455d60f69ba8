import type { Knex } from 'knex';

/**
 * Operators, who run the platform, and an audit log that shows when it was tampered with.
 *
 * Each entry of `audit_log` gets a place in `audit_chain`: the hash of the place before it and of
 * the entry itself. An entry that is edited, removed or moved later no longer fits its place, and
 * every place after it depends on it; who may write the tables can still recompute them all, which
 * is what `audit_checkpoints` are for: places signed with a key that the database never sees.
 *
 * Places are taken when a transaction commits (a deferred trigger), and one transaction at a time:
 * the row of `audit_head` is the lock. Taken any earlier, the lock would be held while whoever
 * changes the registry waits for something else, and could meet their row locks in a deadlock.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table registry.audit_chain (
      position bigint primary key check (position > 0),
      entry_id bigint not null unique,
      hash bytea not null check (length(hash) = 32)
    );

    create table registry.audit_head (
      is_only boolean primary key default true check (is_only),
      position bigint not null,
      hash bytea not null
    );
    insert into registry.audit_head (position, hash) values (0, decode(repeat('00', 32), 'hex'));

    create table registry.audit_checkpoints (
      position bigint primary key,
      hash bytea not null check (length(hash) = 32),
      signed_at timestamptz(3) not null default now(),
      signature bytea not null check (length(signature) = 32)
    );

    -- jsonb has one text for one value; times are written out, for theirs depends on the session.
    create function registry.audit_digest(previous bytea, entry registry.audit_log) returns bytea
      language sql stable set search_path = pg_catalog as $$
        select sha256(previous || convert_to(jsonb_build_array(
          entry.id, to_char(entry.at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS'), entry.actor,
          entry.database_role, entry.table_name, entry.operation, entry.row_id, entry.before, entry.after
        )::text, 'UTF8'))
      $$;

    -- The first entry of a transaction takes the lock and gives places to all of its entries: whatever
    -- has none by then is this transaction's, for others' is either invisible or has its place.
    create function registry.chain_audit() returns trigger
      language plpgsql security definer set search_path = pg_catalog as $$
      declare
        head registry.audit_head;
        entry registry.audit_log;
      begin
        if exists (select from registry.audit_chain where entry_id = new.id) then
          return null;
        end if;
        select * into head from registry.audit_head for update;
        for entry in select l.* from registry.audit_log l where l.id >= new.id order by l.id loop
          -- One look by index for each: a join would read the whole chain for a single entry.
          continue when exists (select from registry.audit_chain c where c.entry_id = entry.id);
          head.position := head.position + 1;
          head.hash := registry.audit_digest(head.hash, entry);
          insert into registry.audit_chain (position, entry_id, hash)
            values (head.position, entry.id, head.hash);
        end loop;
        update registry.audit_head set position = head.position, hash = head.hash;
        return null;
      end
      $$;

    -- What was written before there was a chain.
    do $$
      declare
        entry registry.audit_log;
        place bigint := 0;
        last_hash bytea := decode(repeat('00', 32), 'hex');
      begin
        for entry in select * from registry.audit_log order by id loop
          place := place + 1;
          last_hash := registry.audit_digest(last_hash, entry);
          insert into registry.audit_chain (position, entry_id, hash) values (place, entry.id, last_hash);
        end loop;
        update registry.audit_head set position = place, hash = last_hash;
      end
    $$;

    create constraint trigger chain after insert on registry.audit_log
      deferrable initially deferred for each row execute function registry.chain_audit();

    create or replace function registry.refuse_audit_change() returns trigger
      language plpgsql set search_path = pg_catalog as $$
      begin
        raise exception '% is append-only', tg_table_name;
      end
      $$;
    create trigger append_only before update or delete or truncate on registry.audit_chain
      for each statement execute function registry.refuse_audit_change();
    create trigger append_only before update or delete or truncate on registry.audit_checkpoints
      for each statement execute function registry.refuse_audit_change();

    create index audit_log_at on registry.audit_log (at, id);
    create index audit_log_table on registry.audit_log (table_name, at, id);
    create index audit_log_actor on registry.audit_log (actor, at, id);

    -- Secrets and what is made of them show as fingerprints: a change shows, the value does not.
    create or replace function registry.without_secrets(entry jsonb) returns jsonb
      language sql immutable set search_path = pg_catalog as $$
        select jsonb_object_agg(key, case
          when value = 'null'::jsonb then value
          when key like '%\\_sealed'
            then to_jsonb('sealed:' || left(encode(sha256(convert_to(value #>> '{}', 'UTF8')), 'hex'), 12))
          when key like '%\\_hash' or key like '%\\_hashes' or key like '%\\_hmac'
            then to_jsonb('hash:' || left(encode(sha256(convert_to(value #>> '{}', 'UTF8')), 'hex'), 12))
          else value end)
        from jsonb_each(entry)
      $$;

    -- Arguments of a trigger name columns whose changes are no change of configuration.
    create or replace function registry.write_audit() returns trigger
      language plpgsql security definer set search_path = pg_catalog as $$
      declare
        old_row jsonb := case when tg_op = 'INSERT' then null else registry.without_secrets(to_jsonb(old)) end;
        new_row jsonb := case when tg_op = 'DELETE' then null else registry.without_secrets(to_jsonb(new)) end;
        passing text[] := array['last_accessed_at', 'last_login_at', 'updated_at'] || tg_argv;
        row_key text := coalesce(new_row, old_row) ->> 'id';
      begin
        -- Being used is not a change of configuration.
        if tg_op = 'UPDATE' and old_row - passing = new_row - passing then
          return null;
        end if;
        insert into registry.audit_log (actor, database_role, table_name, operation, row_id, before, after)
        values (nullif(current_setting('app.actor', true), ''), session_user, tg_table_name, tg_op,
                case when row_key ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then row_key::uuid end, old_row, new_row);
        perform pg_notify('registry_changed', tg_table_name || ':' || row_key);
        return null;
      end
      $$;

    create table registry.operators (
      id uuid primary key,
      -- Normalised: the one spelling under which it is looked up.
      email text not null unique check (length(email) between 3 and 320),
      name text not null check (length(name) between 1 and 200),
      password_hash text not null,
      role text not null check (role in ('viewer', 'operator', 'owner')),
      status text not null default 'active' check (status in ('active', 'disabled')),
      last_login_at timestamptz(3),
      created_at timestamptz(3) not null default now(),
      updated_at timestamptz(3) not null default now()
    );
    create trigger audit after insert or update or delete on registry.operators
      for each row execute function registry.write_audit();

    create table registry.operator_sessions (
      id uuid primary key,
      operator_id uuid not null references registry.operators (id) on delete cascade,
      refresh_family_hash bytea not null check (length(refresh_family_hash) = 32),
      refresh_generation_hash bytea not null check (length(refresh_generation_hash) = 32),
      ip text not null default '' check (length(ip) <= 64),
      user_agent text not null default '' check (length(user_agent) <= 512),
      created_at timestamptz(3) not null default now(),
      last_used_at timestamptz(3) not null default now(),
      expires_at timestamptz(3) not null,
      revoked_at timestamptz(3),
      revoked_reason text check (revoked_reason in
        ('logout', 'refresh_token_reused', 'password_changed', 'operator_disabled', 'revoked')),
      check ((revoked_at is null) = (revoked_reason is null))
    );
    create index operator_sessions_operator on registry.operator_sessions (operator_id, expires_at);
    -- Who signed in and whose session was ended; a refresh is neither.
    create trigger audit after insert or update of revoked_at on registry.operator_sessions
      for each row execute function registry.write_audit('last_used_at', 'expires_at');
  `);
}

/** The functions stay as they are: what they write fits the log without a chain as well. */
export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table registry.operator_sessions, registry.operators;
    drop trigger chain on registry.audit_log;
    drop index registry.audit_log_at, registry.audit_log_table, registry.audit_log_actor;
    drop table registry.audit_checkpoints, registry.audit_head, registry.audit_chain;
    drop function registry.chain_audit(), registry.audit_digest(bytea, registry.audit_log);
  `);
}
