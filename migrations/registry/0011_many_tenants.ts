import type { Knex } from 'knex';

/**
 * What keeps the registry's own work from growing with the number of tenants: how many each data source
 * has, and whose usage is to be measured when. Triggers keep both, so that servers of the release
 * before do too. Numbers and times, no configuration: neither is audited or announced.
 */
const DATA_SOURCE_TENANTS = `
  create table registry.data_source_tenants (
    data_source_id uuid primary key references registry.data_sources (id) on delete cascade,
    tenants bigint not null
  );

  -- In the order of the ids: two transactions that meet in two data sources wait for each other once.
  create function registry.count_tenants() returns trigger
    language plpgsql set search_path = pg_catalog as $$
    begin
      if tg_op = 'INSERT' then
        insert into registry.data_source_tenants as known (data_source_id, tenants)
          select data_source_id, count(*) from new_rows where data_source_id is not null group by 1 order by 1
          on conflict (data_source_id) do update set tenants = known.tenants + excluded.tenants;
      elsif tg_op = 'DELETE' then
        insert into registry.data_source_tenants as known (data_source_id, tenants)
          select data_source_id, -count(*) from old_rows where data_source_id is not null group by 1 order by 1
          on conflict (data_source_id) do update set tenants = known.tenants + excluded.tenants;
      else
        insert into registry.data_source_tenants as known (data_source_id, tenants)
          select id, change from (values (old.data_source_id, -1), (new.data_source_id, 1)) moved (id, change)
          where id is not null order by id
          on conflict (data_source_id) do update set tenants = known.tenants + excluded.tenants;
      end if;
      return null;
    end
    $$;
  create trigger count_tenants_inserted after insert on registry.tenants referencing new table as new_rows
    for each statement execute function registry.count_tenants();
  create trigger count_tenants_deleted after delete on registry.tenants referencing old table as old_rows
    for each statement execute function registry.count_tenants();
  create trigger count_tenants_updated after update of data_source_id on registry.tenants
    for each row when (old.data_source_id is distinct from new.data_source_id)
    execute function registry.count_tenants();

  insert into registry.data_source_tenants (data_source_id, tenants)
    select data_source_id, count(*) from registry.tenants where data_source_id is not null group by 1;

  -- A placement looks at those that are shared, however many have a tenant to themselves.
  create index data_sources_shared on registry.data_sources (region) where placement = 'shared' and status = 'active';`;

/** A tenant is in it from its first day of service on; who measures takes out who is not in service. */
const USAGE_DUE = `
  create table registry.usage_due (
    tenant_id uuid primary key references registry.tenants (id) on delete cascade,
    due_at timestamptz(3) not null default now()
  );
  create index usage_due_at on registry.usage_due (due_at);

  create function registry.expect_usage() returns trigger
    language plpgsql set search_path = pg_catalog as $$
    begin
      insert into registry.usage_due (tenant_id) values (new.id) on conflict do nothing;
      return null;
    end
    $$;
  create trigger expect_usage after insert or update of status, data_source_id on registry.tenants
    for each row when (new.status in ('trial', 'active') and new.data_source_id is not null)
    execute function registry.expect_usage();

  insert into registry.usage_due (tenant_id, due_at)
    select t.id, coalesce(u.measured_at + interval '1 day', now())
    from registry.tenants t left join registry.tenant_usage u on u.tenant_id = t.id
    where t.status in ('trial', 'active') and t.data_source_id is not null;`;

export async function up(knex: Knex): Promise<void> {
  await knex.raw(DATA_SOURCE_TENANTS);
  await knex.raw(USAGE_DUE);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop trigger expect_usage on registry.tenants;
    drop trigger count_tenants_inserted on registry.tenants;
    drop trigger count_tenants_deleted on registry.tenants;
    drop trigger count_tenants_updated on registry.tenants;
    drop function registry.expect_usage(), registry.count_tenants();
    drop index registry.data_sources_shared;
    drop table registry.usage_due, registry.data_source_tenants;
  `);
}
