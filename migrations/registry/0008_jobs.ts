import type { Knex } from 'knex';

/**
 * Jobs: the tables of pg-boss (its schema 24, written out, since a migration never changes with a
 * library), in the schema `jobs`, and our own table of schedules.
 *
 * pg-boss would make a partition for each queue when a queue is made, at run time, for which a role
 * must own tables. Here all queues share one default partition with the indexes that the partitions
 * would have, and making a queue is writing a row: the run-time role owns nothing (invariant 2).
 * What a job holds is never configuration, so nothing here is audited.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create schema jobs;

    -- Their order is what "state < 'active'" relies on.
    create type jobs.job_state as enum ('created', 'retry', 'active', 'completed', 'cancelled', 'failed');

    create table jobs.version (
      version integer primary key,
      maintained_on timestamptz,
      cron_on timestamptz,
      monitored_on timestamptz
    );
    insert into jobs.version (version) values (24);

    create table jobs.queue (
      name text primary key,
      policy text,
      retry_limit integer,
      retry_delay integer,
      retry_backoff boolean,
      expire_seconds integer,
      retention_minutes integer,
      dead_letter text references jobs.queue (name),
      partition_name text,
      created_on timestamptz not null default now(),
      updated_on timestamptz not null default now()
    );

    create table jobs.schedule (
      name text primary key references jobs.queue on delete cascade,
      cron text not null,
      timezone text,
      data jsonb,
      options jsonb,
      created_on timestamptz not null default now(),
      updated_on timestamptz not null default now()
    );

    create table jobs.subscription (
      event text not null,
      name text not null references jobs.queue on delete cascade,
      created_on timestamptz not null default now(),
      updated_on timestamptz not null default now(),
      primary key (event, name)
    );

    create table jobs.job (
      id uuid not null default gen_random_uuid(),
      name text not null,
      priority integer not null default 0,
      data jsonb,
      state jobs.job_state not null default 'created',
      retry_limit integer not null default 2,
      retry_count integer not null default 0,
      retry_delay integer not null default 0,
      retry_backoff boolean not null default false,
      start_after timestamptz not null default now(),
      started_on timestamptz,
      singleton_key text,
      singleton_on timestamp,
      expire_in interval not null default interval '15 minutes',
      created_on timestamptz not null default now(),
      completed_on timestamptz,
      keep_until timestamptz not null default now() + interval '14 days',
      output jsonb,
      dead_letter text,
      policy text,
      primary key (name, id)
    ) partition by list (name);

    create table jobs.job_default partition of jobs.job default;
    alter table jobs.job_default
      add foreign key (name) references jobs.queue (name) deferrable initially deferred,
      add foreign key (dead_letter) references jobs.queue (name) deferrable initially deferred;
    create unique index job_default_short on jobs.job_default (name, coalesce(singleton_key, ''))
      where state = 'created' and policy = 'short';
    create unique index job_default_singleton on jobs.job_default (name, coalesce(singleton_key, ''))
      where state = 'active' and policy = 'singleton';
    create unique index job_default_stately on jobs.job_default (name, state, coalesce(singleton_key, ''))
      where state <= 'active' and policy = 'stately';
    create unique index job_default_throttle on jobs.job_default (name, singleton_on, coalesce(singleton_key, ''))
      where state <> 'cancelled' and singleton_on is not null;
    create index job_default_fetch on jobs.job_default (name, start_after) include (priority, created_on, id)
      where state < 'active';
    -- A job is asked for by its id alone on the command line.
    create index job_default_id on jobs.job_default (id);

    create table jobs.archive (like jobs.job including defaults, primary key (name, id));
    alter table jobs.archive add archived_on timestamptz not null default now();
    create index archive_archived_on on jobs.archive (archived_on);

    create function jobs.create_queue(queue_name text, options json) returns void
      language sql as $$
        insert into jobs.queue (name, policy, retry_limit, retry_delay, retry_backoff, expire_seconds,
                                retention_minutes, dead_letter, partition_name)
        values (queue_name, options->>'policy', (options->>'retryLimit')::int, (options->>'retryDelay')::int,
                (options->>'retryBackoff')::bool, (options->>'expireInSeconds')::int,
                (options->>'retentionMinutes')::int, options->>'deadLetter', 'job_default')
        on conflict do nothing
      $$;

    -- What recurs: for the whole installation (no tenant), for one tenant, or once for each tenant.
    create table jobs.job_schedules (
      name text not null references jobs.queue (name) on delete cascade,
      tenant_id uuid references registry.tenants (id) on delete cascade,
      every_seconds integer not null check (every_seconds between 1 and 31622400),
      -- How far after the start of each period, counted from the epoch: 03:00 UTC is 10800 of 86400.
      at_seconds integer not null default 0 check (at_seconds >= 0 and at_seconds < every_seconds),
      each_tenant boolean not null default false check (not each_tenant or tenant_id is null),
      data jsonb not null default '{}',
      next_run_at timestamptz(3) not null,
      last_run_at timestamptz(3)
    );
    create unique index job_schedules_key on jobs.job_schedules
      (name, coalesce(tenant_id, '00000000-0000-0000-0000-000000000000'));
    create index job_schedules_due on jobs.job_schedules (next_run_at);
    create index job_schedules_tenant on jobs.job_schedules (tenant_id);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop schema jobs cascade');
}
