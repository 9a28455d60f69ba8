import type { Knex } from 'knex';

/**
 * What became of each data source in each run of the migrations, and of each tenant that was erased.
 *
 * Runs are a journal, not configuration: they are not audited and announce nothing, since what
 * changes how a data source is served (its version) is written to its own row, which is.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table registry.data_sources add column canary boolean not null default false;

    create table registry.fleet_runs (
      id uuid primary key,
      -- The newest tenant migration of the code that ran: what every data source was to reach.
      target text not null,
      -- Who ran it and where: told to whoever comes meanwhile.
      started_by text not null,
      started_at timestamptz(3) not null default now(),
      finished_at timestamptz(3),
      state text not null default 'running'
        check (state in ('running', 'finished', 'stopped', 'interrupted')),
      stopped_because text,
      data_sources integer not null check (data_sources >= 0),
      check ((state = 'running') = (finished_at is null))
    );
    create index fleet_runs_started_at on registry.fleet_runs (started_at);

    create table registry.fleet_run_results (
      run_id uuid not null references registry.fleet_runs (id) on delete cascade,
      data_source_id uuid not null references registry.data_sources (id) on delete cascade,
      state text not null check (state in ('running', 'current', 'migrated', 'failed')),
      version_before text,
      version_after text,
      applied text[] not null default '{}',
      -- How often a lock was waited for in vain.
      lock_waits integer not null default 0,
      fault text,
      started_at timestamptz(3) not null default now(),
      finished_at timestamptz(3),
      primary key (run_id, data_source_id)
    );
    create index fleet_run_results_source
      on registry.fleet_run_results (data_source_id, started_at);

    -- An erasure that was interrupted goes on where it stopped; a finished one is the certificate.
    create table registry.erasures (
      id uuid primary key,
      -- No foreign key: it outlives everything that is known of the tenant.
      tenant_id uuid not null unique,
      asked_by text not null,
      started_at timestamptz(3) not null default now(),
      finished_at timestamptz(3),
      -- Rows removed so far, by table.
      removed jsonb not null default '{}',
      certificate jsonb,
      check ((finished_at is null) = (certificate is null))
    );
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table registry.erasures, registry.fleet_run_results, registry.fleet_runs;
    alter table registry.data_sources drop column canary;
  `);
}
