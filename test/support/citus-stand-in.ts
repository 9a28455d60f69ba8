/**
 * A stand-in for the extension citus in the embedded Postgres, for tests of the migration alone. It
 * keeps what Citus keeps of its tables, records what it is asked, and refuses what Citus refuses, as far
 * as its documentation and its source say (docs/decisions/0010-distributed-sessions.md). Nothing is
 * distributed: rows stay where they are, and a table's trigger runs on the table itself.
 */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import type { TestDatabase } from './databases';

const CONTROL = `comment = 'records what Citus would be asked'
default_version = '1.0'
relocatable = false
schema = pg_catalog
superuser = true
`;

/** Tables come into pg_catalog as those of Citus do: made elsewhere, then moved. */
const SCRIPT = `
create schema citus;
create table citus.pg_dist_partition (logicalrelid regclass primary key, partmethod "char" not null, partkey text, colocationid integer not null);
create table citus.pg_dist_local_group (groupid integer primary key);
insert into citus.pg_dist_local_group values (0);
alter table citus.pg_dist_partition set schema pg_catalog;
alter table citus.pg_dist_local_group set schema pg_catalog;
grant select on pg_catalog.pg_dist_partition, pg_catalog.pg_dist_local_group to public;
create table citus.calls (n integer generated always as identity, call text not null, place text not null, colocate_with text);
create table citus.worker_settings (name text primary key, value text not null);
grant usage on schema citus to public;
grant select, insert on citus.calls to public;
grant select on citus.worker_settings to public;

create function pg_catalog.run_command_on_workers(command text)
  returns table (nodename text, nodeport integer, success boolean, result text) language sql as $$
    select 'worker-' || n, 5432, true,
      coalesce((select value from citus.worker_settings where 'show ' || name = command), 'off')
    from generate_series(1, 2) n $$;

-- Runs as the extension's owner: whoever distributes a table owns that, and nothing of Citus.
create function pg_catalog.create_distributed_table(
  table_name regclass, distribution_column text, distribution_type text default 'hash',
  colocate_with text default 'default', shard_count integer default null) returns void
  language plpgsql security definer set search_path = pg_catalog as $$
    declare
      group_id integer;
      refused text;
    begin
      if exists (select from pg_dist_partition where logicalrelid = table_name) then
        raise exception 'table "%" is already distributed', table_name;
      end if;
      if current_setting('citus.enable_unsafe_triggers', true) is distinct from 'on'
        and exists (select from pg_trigger where tgrelid = table_name and not tgisinternal) then
        raise exception 'cannot distribute relation "%" because it has triggers', table_name;
      end if;
      if colocate_with = 'none' then
        select coalesce(max(colocationid), 0) + 1 into group_id from pg_dist_partition;
      else
        select colocationid into group_id from pg_dist_partition where logicalrelid = colocate_with::regclass;
        if group_id is null then raise exception 'relation % is not distributed', colocate_with; end if;
      end if;
      select i.indexrelid::regclass into refused from pg_index i
      where i.indrelid = table_name and i.indisunique and not exists (
        select from pg_attribute a where a.attrelid = table_name and a.attname = distribution_column
          and a.attnum = any (i.indkey)) limit 1;
      if refused is not null then
        raise exception 'cannot create constraint on "%": % lacks the distribution column', table_name, refused;
      end if;
      select f.confrelid::regclass into refused from pg_constraint f
      where f.conrelid = table_name and f.contype = 'f' and f.confrelid <> table_name and not exists (
        select from pg_dist_partition p where p.logicalrelid = f.confrelid
          and (p.partmethod = 'n' or p.colocationid = group_id)) limit 1;
      if refused is not null then
        raise exception 'referenced table "%" must be a distributed table or a reference table', refused;
      end if;
      execute format('select case when c.relforcerowsecurity and exists (select from %s) then c.relname end from pg_class c where oid = %L::regclass', table_name, table_name) into refused;
      if refused is not null then
        raise exception 'COPY FROM not supported with row-level security';
      end if;
      insert into pg_dist_partition values (table_name, 'h', distribution_column, group_id);
      insert into citus.calls (call, place, colocate_with) values ('create_distributed_table', table_name, colocate_with);
    end $$;

create function pg_catalog.create_reference_table(table_name regclass) returns void
  language plpgsql security definer set search_path = pg_catalog as $$
    begin
      insert into pg_dist_partition values (table_name, 'n', null, 0);
      insert into citus.calls (call, place) values ('create_reference_table', table_name);
    end $$;

create function pg_catalog.truncate_local_data_after_distributing_table(function_table_name regclass) returns void
  language plpgsql security definer set search_path = pg_catalog as $$
    begin
      if exists (select from pg_trigger where tgrelid = function_table_name and not tgisinternal) then
        raise exception 'a trigger of "%" would refuse it', function_table_name;
      end if;
      -- The rows are not elsewhere, so they stay.
      insert into citus.calls (call, place) values ('truncate_local_data', function_table_name);
    end $$;

-- A worker cannot write what a transition table holds into a distributed table.
create function citus.refuse_statement_triggers() returns event_trigger
  language plpgsql set search_path = pg_catalog as $$
    declare
      refused text;
    begin
      if to_regclass('pg_catalog.pg_dist_partition') is null then return; end if;
      for refused in
        select tgname || ' on ' || tgrelid::regclass
          || case when t.tgoldtable is not null or t.tgnewtable is not null then ' (transition tables)' else '' end
        from pg_event_trigger_ddl_commands() d join pg_trigger t on t.oid = d.objid
        join pg_dist_partition p on p.logicalrelid = t.tgrelid
      loop
        if refused ~ 'transition' then raise exception 'trigger % cannot work on shards', refused; end if;
        if current_setting('citus.enable_unsafe_triggers', true) is distinct from 'on' then
          raise exception 'triggers are not supported on distributed tables when "citus.enable_unsafe_triggers" is set to "false"';
        end if;
      end loop;
    end $$;
create event trigger citus_triggers on ddl_command_end when tag in ('CREATE TRIGGER')
  execute function citus.refuse_statement_triggers();
`;

export interface CitusStandIn {
  /** In the database, as the superuser; `triggers` is what the workers are said to be set to. */
  install(database: TestDatabase, triggers?: 'on' | 'off'): Promise<void>;
  remove(): Promise<void>;
}

/** Postgres takes extensions from a folder of ours since 18. */
export async function createCitusStandIn(): Promise<CitusStandIn> {
  const folder = await mkdtemp(join(tmpdir(), 'cloister-citus-'));
  // The server may be another user's.
  await chmod(folder, 0o755);
  const extensions = join(folder, 'extension');
  await mkdir(extensions, { mode: 0o755 });
  await writeFile(join(extensions, 'citus.control'), CONTROL);
  await writeFile(join(extensions, 'citus--1.0.sql'), SCRIPT);
  return {
    async install({ superuserUrl }, triggers = 'on') {
      const client = new Client({ connectionString: superuserUrl });
      await client.connect();
      try {
        await client.query(`set extension_control_path = '$system:${folder}'`);
        await client.query('create extension citus');
        await client.query('insert into citus.worker_settings values ($1, $2)', [
          'citus.enable_unsafe_triggers',
          triggers,
        ]);
      } finally {
        await client.end();
      }
    },
    remove: () => rm(folder, { recursive: true }),
  };
}
