import type { Knex } from 'knex';

/**
 * How tenants come, live and go: plans with their limits, the way into and out of service, the
 * servers that new databases are made on, and what a registration under way has done so far.
 *
 * A limit that is null is none. A tenant's own limits stand in `limit_overrides` under the names that
 * the plan's columns have (`max_users` …): a name that is absent follows the plan.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table registry.plans (
      id uuid primary key default gen_random_uuid(),
      name text not null unique check (name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
      placements text[] not null default '{shared}' check (
        placements <@ array['shared', 'dedicated', 'byo'] and cardinality(placements) > 0),
      -- Whether whoever registers may take it; the others are given by an operator.
      self_service boolean not null default false,
      trial_days integer check (trial_days between 1 and 3650),
      max_users integer check (max_users > 0),
      max_records bigint check (max_records > 0),
      max_storage_bytes bigint check (max_storage_bytes > 0),
      requests_per_minute integer check (requests_per_minute > 0),
      requests_per_day bigint check (requests_per_day > 0),
      created_at timestamptz(3) not null default now(),
      updated_at timestamptz(3) not null default now()
    );

    -- What was there before has no limits that it could suddenly run into within a day's work.
    insert into registry.plans (name, placements, self_service, trial_days, max_users, max_records,
                                max_storage_bytes, requests_per_minute, requests_per_day)
    values ('trial', '{shared,dedicated,byo}', true, 14, 10, 50000, 1073741824, 600, 100000),
           ('standard', '{shared,dedicated,byo}', false, null, 1000, 10000000, 107374182400, null, null),
           ('enterprise', '{shared,dedicated,byo}', false, null, null, null, null, null, null);
    insert into registry.plans (name, placements)
      select distinct plan, array['shared', 'dedicated', 'byo'] from registry.tenants
      on conflict (name) do nothing;

    create table registry.database_servers (
      id uuid primary key,
      name text not null unique check (name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
      status text not null default 'active' check (status in ('active', 'draining', 'retired')),
      region text not null default 'default',
      admin_url_sealed text not null check (admin_url_sealed like 'v%.%'),
      max_databases integer check (max_databases > 0),
      -- What the data sources made here begin with.
      pool_max integer not null default 5 check (pool_max between 1 and 1000),
      notes text not null default '',
      created_at timestamptz(3) not null default now(),
      updated_at timestamptz(3) not null default now()
    );

    alter table registry.data_sources
      add column max_tenants integer check (max_tenants > 0),
      add column server_id uuid references registry.database_servers (id);
    create index data_sources_server on registry.data_sources (server_id);

    alter table registry.tenants
      drop constraint tenants_status_check,
      add constraint tenants_status_check check (
        status in ('provisioning', 'trial', 'active', 'suspended', 'closed')),
      add constraint tenants_plan_fkey foreign key (plan) references registry.plans (name),
      add column status_reason text not null default '',
      add column status_changed_at timestamptz(3) not null default now(),
      add column closed_at timestamptz(3),
      add column limit_overrides jsonb not null default '{}' check (jsonb_typeof(limit_overrides) = 'object');
    create index tenants_trial_end on registry.tenants (trial_ends_at) where status = 'trial';

    -- One row for each registration. While it runs its inputs are kept, sealed, so that another
    -- process can finish it; the password stands among them as a hash. Afterwards they are gone.
    create table registry.provisionings (
      id uuid primary key,
      tenant_id uuid references registry.tenants (id) on delete set null,
      slug text not null,
      placement text not null check (placement in ('shared', 'dedicated', 'byo')),
      step text not null check (step in ('place', 'database', 'schema', 'tenant', 'admin', 'activate', 'remove')),
      status text not null default 'running' check (status in ('running', 'done', 'removed')),
      -- Whoever repeats a registration that failed is known by it.
      email_hmac bytea not null check (length(email_hmac) = 32),
      inputs_sealed text check (inputs_sealed like 'v%.%'),
      server_id uuid references registry.database_servers (id),
      database_name text,
      data_source_id uuid,
      attempts integer not null default 0,
      last_error text,
      lease uuid,
      leased_until timestamptz(3),
      created_at timestamptz(3) not null default now(),
      updated_at timestamptz(3) not null default now(),
      check ((status = 'running') = (inputs_sealed is not null))
    );
    create index provisionings_running on registry.provisionings (leased_until) where status = 'running';
    create unique index provisionings_tenant on registry.provisionings (tenant_id) where status = 'running';

    -- Measured now and then, so that no write has to count.
    create table registry.tenant_usage (
      tenant_id uuid primary key references registry.tenants (id) on delete cascade,
      users bigint not null,
      records bigint not null,
      storage_bytes bigint not null,
      measured_at timestamptz(3) not null
    );
    create table registry.tenant_requests (
      tenant_id uuid not null references registry.tenants (id) on delete cascade,
      day date not null,
      requests bigint not null,
      updated_at timestamptz(3) not null default now(),
      primary key (tenant_id, day)
    );

    create trigger audit after insert or update or delete on registry.plans
      for each row execute function registry.write_audit();
    create trigger audit after insert or update or delete on registry.database_servers
      for each row execute function registry.write_audit();
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table registry.tenant_requests, registry.tenant_usage, registry.provisionings;
    delete from registry.tenants where status = 'provisioning';
    alter table registry.tenants
      drop column limit_overrides, drop column closed_at, drop column status_changed_at,
      drop column status_reason, drop constraint tenants_plan_fkey, drop constraint tenants_status_check,
      add constraint tenants_status_check check (status in ('trial', 'active', 'suspended', 'closed'));
    alter table registry.data_sources drop column server_id, drop column max_tenants;
    drop table registry.database_servers, registry.plans;
  `);
}
