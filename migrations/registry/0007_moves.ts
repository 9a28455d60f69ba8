import type { Knex } from 'knex';

/**
 * Moves of tenants between data sources: where each stands, so that whoever takes it up after a mover
 * has died goes on from there. One mover at a time holds the tenant's advisory lock, on the very
 * connection on which it writes here: a mover that has lost the lock cannot switch any more.
 *
 * The switch is the transaction that changes the tenant's row and sets the phase `switched`. Before
 * it the source is what counts, after it the target; nothing else decides.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table registry.moves (
      id uuid primary key,
      tenant_id uuid not null references registry.tenants (id) on delete cascade,
      source_id uuid not null references registry.data_sources (id),
      target_id uuid not null references registry.data_sources (id),
      -- What the tenant is called in each.
      source_tenant_id uuid not null,
      target_tenant_id uuid not null,
      phase text not null default 'prepare' check (phase in
        ('prepare', 'copy', 'follow', 'verify', 'switch', 'switched', 'finished', 'rolled_back')),
      -- What of the source the target holds: a snapshot of the source's server.
      copied_snapshot text,
      -- The target's server at the switch: a way back follows its change log from here.
      switch_snapshot text,
      rows_total bigint not null default 0,
      rows_copied bigint not null default 0,
      changes_applied bigint not null default 0,
      -- From the request for the fence to its end, as writers met it.
      pause_ms integer,
      failure text,
      -- How long the source is kept after the switch.
      keep_seconds integer not null check (keep_seconds between 0 and 604800),
      started_at timestamptz(3) not null default now(),
      updated_at timestamptz(3) not null default now(),
      switched_at timestamptz(3),
      finished_at timestamptz(3)
    );
    -- A tenant goes one way at a time.
    create unique index moves_under_way on registry.moves (tenant_id)
      where phase in ('prepare', 'copy', 'follow', 'verify', 'switch');
    create index moves_tenant on registry.moves (tenant_id, started_at);
    -- Steps are audited, the counting between them is not.
    create trigger audit after insert or delete or update of phase on registry.moves
      for each row execute function registry.write_audit();
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table registry.moves');
}
