import type { Knex } from 'knex';

/**
 * Tenants' tables over several servers, where the extension citus is. Why it is made like this, what
 * is known of it and what is not: docs/decisions/0010-distributed-sessions.md.
 *
 * Without the extension this makes functions that nobody calls, and changes nothing else.
 *
 * - `distribute_tenant_tables()` distributes every table with a tenant_id by it, all co-located, in the
 *   order of their references; tables without one that they refer to become reference tables, the others
 *   stay on the coordinator. It goes by the catalogue, so that a later kind cannot be forgotten, and may
 *   be repeated: what is distributed already is left alone.
 * - A fresh database is distributed by this migration; one with tenants by `cloister sources distribute`,
 *   for its sessions have to state their tenant in the distributed style before that.
 * - A table's changes are logged statement by statement through transition tables. A server behind the
 *   coordinator cannot put those into a distributed table, so there each row has its trigger.
 */
const IS_DISTRIBUTED = `
  create or replace function cloister.is_distributed(place regclass) returns boolean
    language plpgsql stable set search_path = pg_catalog as $$
    declare
      answer boolean;
    begin
      if to_regclass('pg_catalog.pg_dist_partition') is null then return false; end if;
      -- The table is there with the extension alone.
      execute 'select exists (select from pg_catalog.pg_dist_partition where logicalrelid = $1)'
        into answer using place;
      return answer;
    end
    $$`;

/**
 * The same rows as cloister.log_changes writes, one by one. It runs on the server that has the row,
 * where the tenant's rows of the log are too; a statement for them has to name the tenant.
 *
 * The first argument is the table's name, for there the trigger stands on a part of it that has another;
 * the others are the columns that the log leaves out, and without any it keeps no content.
 */
const LOG_ROW_CHANGE = `
  create or replace function cloister.log_row_change() returns trigger
    language plpgsql set search_path = pg_catalog as $$
    declare
      row_tenant uuid;
      row_id uuid;
      before_image jsonb;
      after_image jsonb;
      what text := lower(tg_op);
      tenant_epoch integer;
      tenant_moved boolean;
    begin
      if current_setting('app.change_log', true) = 'off' then return null; end if;
      if tg_op = 'DELETE' then
        row_tenant := old.tenant_id;
        row_id := old.id;
      else
        row_tenant := new.tenant_id;
        row_id := new.id;
      end if;
      select t.change_epoch, t.moved_at is not null into tenant_epoch, tenant_moved
        from cloister.tenants t where t.tenant_id = row_tenant;
      if tenant_moved then
        raise exception 'the tenant has moved to another data source' using errcode = 'MV001';
      end if;
      if tg_op = 'UPDATE' then
        if tg_nargs > 1 then
          before_image := to_jsonb(old) - tg_argv[1:];
          after_image := to_jsonb(new) - tg_argv[1:];
          select jsonb_object_agg(b.key, b.value), jsonb_object_agg(b.key, after_image -> b.key)
            into before_image, after_image
            from jsonb_each(before_image) b where after_image -> b.key <> b.value;
        end if;
        if before_image is null then what := 'touch'; end if;
      elsif tg_nargs > 1 then
        if tg_op = 'INSERT' then after_image := jsonb_strip_nulls(to_jsonb(new) - tg_argv[1:]);
        else before_image := jsonb_strip_nulls(to_jsonb(old) - tg_argv[1:]); end if;
      end if;
      insert into cloister.change_log
        (tenant_id, epoch, table_name, record_id, operation, before, after, actor_id, request_id)
      values (row_tenant, coalesce(tenant_epoch, 0), tg_argv[0], row_id, what, before_image, after_image,
              nullif(current_setting('app.user_id', true), '')::uuid,
              nullif(current_setting('app.request_id', true), ''));
      return null;
    end
    $$`;

/** What cloister.guard_tenant_table did itself until now, for either way of logging. */
const LOG_CHANGES_OF = `
  create or replace function cloister.log_changes_of(name text, with_history boolean) returns void
    language plpgsql set search_path = pg_catalog as $$
    declare
      place regclass := format('cloister.%I', name)::regclass;
      by_row boolean := cloister.is_distributed(place);
      arguments text;
      event text;
    begin
      -- Who, when and which tenant stand in the log's own columns; generated columns repeat others.
      select string_agg(quote_literal(argument), ', ' order by place_of) into arguments
      from (
        select name as argument, 0 as place_of where by_row
        union all
        select attname::text, attnum from pg_attribute
        where attrelid = place and attnum > 0 and not attisdropped and with_history
          and (attname in ('tenant_id', 'id', 'version', 'created_at', 'created_by', 'updated_at',
                           'updated_by', 'last_login_at')
               or attgenerated <> '' or attname ~ '_(hash|sealed)$')
      ) a;
      if by_row then perform set_config('citus.enable_unsafe_triggers', 'on', true); end if;
      foreach event in array array['insert', 'update', 'delete'] loop
        execute format('drop trigger if exists change_log_%s on %s', event, place);
        if by_row then
          execute format(
            'create trigger change_log_%s after %s on %s for each row execute function cloister.log_row_change(%s)',
            event, event, place, arguments);
        else
          execute format(
            'create trigger change_log_%s after %s on %s referencing %s for each statement execute function cloister.log_changes(%s)',
            event, event, place,
            case event when 'insert' then 'new table as new_rows'
                       when 'delete' then 'old table as old_rows'
                       else 'old table as old_rows new table as new_rows' end,
            coalesce(arguments, ''));
        end if;
      end loop;
    end
    $$;
  revoke execute on function cloister.log_changes_of(text, boolean) from public`;

/**
 * As in 0004_change_log, which says what it is for. Where the other tables are distributed, the new one
 * is too: after its references were made deferrable, which cannot be done to a distributed table.
 */
const GUARD_TENANT_TABLE = `
  create or replace function cloister.guard_tenant_table(name text, with_history boolean default true) returns void
    language plpgsql set search_path = pg_catalog as $$
    declare
      place regclass := format('cloister.%I', name)::regclass;
      tenant text := 'tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid';
      reference text;
      definition text;
    begin
      execute format('alter table %s enable row level security', place);
      execute format('alter table %s force row level security', place);
      if not exists (select from pg_policy where polrelid = place and polname = 'tenant_isolation') then
        execute format('create policy tenant_isolation on %s using (%s) with check (%s)', place, tenant, tenant);
      end if;
      for reference in
        select conname from pg_constraint where conrelid = place and contype = 'f' and not condeferrable
      loop
        execute format('alter table %s alter constraint %I deferrable', place, reference);
      end loop;
      for reference, definition in
        select i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
        from pg_index i join pg_constraint f on f.conrelid = i.indrelid and f.contype = 'f'
        where i.indrelid = place and not i.indisunique and i.indnatts = 3
          and i.indkey[0] = f.conkey[1] and i.indkey[1] = f.conkey[2]
          and pg_get_expr(i.indpred, i.indrelid) = '(deleted_at IS NULL)'
      loop
        execute format('drop index %s', reference);
        execute regexp_replace(definition, ' WHERE .*$', '');
      end loop;
      if exists (select from pg_attribute where attrelid = place and attname = 'id'
                 and atttypid = 'uuid'::regtype and not attisdropped) then
        perform cloister.log_changes_of(name, with_history);
      end if;
      if cloister.is_distributed('cloister.tenants') and not cloister.is_distributed(place) then
        perform cloister.distribute_tenant_tables();
      end if;
    end
    $$`;

/**
 * In one transaction: all of it or nothing. Rows that are there are carried along; that takes its time,
 * and nobody writes meanwhile.
 */
const DISTRIBUTE_TENANT_TABLES = `
  create function cloister.distribute_tenant_tables() returns table (name text, kind text)
    language plpgsql set search_path = pg_catalog as $$
    declare
      place regclass;
      anchor constant regclass := 'cloister.tenants';
      places regclass[] := '{}';
      definitions text[] := '{}';
      histories jsonb := '{}';
      definition text;
      trigger_name name;
      with_history boolean;
      is_coordinator boolean;
      lacking text;
      filled regclass[] := '{}';
      has_rows boolean;
    begin
      if not exists (select from pg_extension where extname = 'citus') then return; end if;
      execute 'select groupid = 0 from pg_catalog.pg_dist_local_group' into is_coordinator;
      if is_coordinator is not true then
        raise exception 'expected the coordinator, but this server is a worker of another'
          using hint = 'Run it with the URL of the coordinator.';
      end if;
      execute $q$select string_agg(nodename || ':' || nodeport, ', ')
        from run_command_on_workers('show citus.enable_unsafe_triggers') where not success or result <> 'on'$q$
        into lacking;
      if lacking is not null then
        raise exception 'expected citus.enable_unsafe_triggers to be on at every worker, but it is not at %', lacking
          using hint = 'The change log is written by row triggers. As a superuser, at the coordinator: '
            'select run_command_on_workers(''alter system set citus.enable_unsafe_triggers = on''); '
            'select run_command_on_workers(''select pg_reload_conf()'');';
      end if;
      perform set_config('citus.enable_unsafe_triggers', 'on', true);
      -- References between the tables: one connection to each worker, or they would wait for each other.
      perform set_config('citus.multi_shard_modify_mode', 'sequential', true);

      -- What all tenants share and tables of tenants refer to.
      for place in
        select distinct f.confrelid::regclass from pg_constraint f
        where f.contype = 'f' and cloister.is_tenant_table(f.conrelid) and not cloister.is_tenant_table(f.confrelid)
          and not cloister.is_distributed(f.confrelid)
      loop
        execute format('select create_reference_table(%L)', place);
        name := place; kind := 'reference'; return next;
      end loop;

      loop
        select c.oid::regclass into place from pg_class c
        where cloister.is_tenant_table(c.oid) and not cloister.is_distributed(c.oid)
          and not exists (
            select from pg_constraint f where f.conrelid = c.oid and f.contype = 'f' and f.confrelid <> c.oid
              and not cloister.is_distributed(f.confrelid))
        order by c.oid <> anchor, c.relname limit 1;
        exit when place is null;

        for trigger_name, definition, with_history in
          select tgname, pg_get_triggerdef(oid), tgnargs > 0 from pg_trigger
          where tgrelid = place and not tgisinternal
        loop
          if trigger_name ~ '^change_log_(insert|update|delete)$' then
            histories := histories || jsonb_build_object(place::text, with_history);
          else
            definitions := definitions || definition;
          end if;
          execute format('drop trigger %I on %s', trigger_name, place);
        end loop;
        -- Rows are carried by COPY, which forced row security refuses to its table's owner.
        execute format('alter table %s no force row level security', place);
        execute format('select exists (select from %s)', place) into has_rows;
        if has_rows then filled := place || filled; end if;
        execute format('select create_distributed_table(%L, %L, colocate_with => %L)', place, 'tenant_id',
          case when place = anchor then 'none' else anchor::text end);
        places := places || place;
        name := place; kind := 'distributed'; return next;
      end loop;

      select string_agg(c.oid::regclass::text, ', ' order by c.relname) into lacking from pg_class c
      where cloister.is_tenant_table(c.oid) and not cloister.is_distributed(c.oid);
      if lacking is not null then
        raise exception 'expected every table of tenants to be distributed, but % refer to each other in a circle', lacking;
      end if;

      -- The coordinator's own copies, which nobody sees any more; children first.
      foreach place in array filled loop
        execute format('select truncate_local_data_after_distributing_table(%L)', place);
      end loop;
      foreach place in array places loop
        execute format('alter table %s force row level security', place);
        if histories -> place::text is not null then
          perform cloister.log_changes_of(c.relname::text, (histories ->> place::text)::boolean)
          from pg_class c where c.oid = place;
        end if;
      end loop;
      foreach definition in array definitions loop
        execute definition;
      end loop;
      perform cloister.pass_settings_on();
    end
    $$;
  revoke execute on function cloister.distribute_tenant_tables() from public;

  create function cloister.is_tenant_table(place oid) returns boolean
    language sql stable set search_path = pg_catalog as $$
      select exists (
        select from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.oid = place and c.relnamespace = 'cloister'::regnamespace and c.relkind in ('r', 'p')
          and not c.relispartition and a.attname = 'tenant_id' and not a.attisdropped)
    $$`;

/**
 * What the search sets for its policy has to reach the servers behind the coordinator, and a function's
 * settings do not. SET LOCAL does; it takes longer, so the search does it only where it must.
 */
const PASS_SETTINGS_ON = `
  create function cloister.set_for_transaction(name text, value text, is_local boolean) returns void
    language plpgsql set search_path = pg_catalog as $$
    begin
      perform set_config(name, value, is_local);
    end
    $$;
  create function cloister.pass_settings_on() returns void
    language plpgsql set search_path = pg_catalog as $outer$
    begin
      create or replace function cloister.set_for_transaction(name text, value text, is_local boolean) returns void
        language plpgsql set search_path = pg_catalog as $$
        begin
          execute format('set local %s = %L', name, value);
        end
        $$;
      execute replace(pg_get_functiondef('cloister.search(text, text[], integer)'::regprocedure),
        'perform set_config(', 'perform cloister.set_for_transaction(');
    end
    $outer$;
  revoke execute on function cloister.pass_settings_on() from public`;

/** No page was ever written: its rows are hidden from its owner, too. */
const DISTRIBUTE_WHEN_FRESH = `
  do $$
    declare
      is_coordinator boolean;
    begin
      if not exists (select from pg_extension where extname = 'citus') then return; end if;
      execute 'select groupid = 0 from pg_catalog.pg_dist_local_group' into is_coordinator;
      if is_coordinator and pg_relation_size('cloister.tenants') = 0 then
        perform cloister.distribute_tenant_tables();
      end if;
    end
  $$`;

export async function up(knex: Knex): Promise<void> {
  await knex.raw(IS_DISTRIBUTED);
  await knex.raw(LOG_ROW_CHANGE);
  await knex.raw(LOG_CHANGES_OF);
  await knex.raw(PASS_SETTINGS_ON);
  await knex.raw(DISTRIBUTE_TENANT_TABLES);
  await knex.raw(GUARD_TENANT_TABLE);
  await knex.raw(DISTRIBUTE_WHEN_FRESH);
}

/**
 * What guards tables stays as it is here, with what it calls: without the extension it does what it did
 * before. Distributed tables would have to be taken back first: `undistribute_table` of Citus.
 */
export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    do $$ begin
      if cloister.is_distributed('cloister.tenants') then
        raise exception 'expected tables that are not distributed'
          using hint = 'undistribute_table of Citus takes them back.';
      end if;
    end $$;
    drop function cloister.distribute_tenant_tables(), cloister.is_tenant_table(oid), cloister.pass_settings_on(),
      cloister.set_for_transaction(text, text, boolean)`);
}
