import type { Knex } from 'knex';

/**
 * Mutations that carry a key of their client's, so that sending one again does not do it again.
 * A row is a request: claimed before it is executed, counted in the transactions that it commits,
 * finished with its answer. In the tenant's own data source, because the count must stand or fall
 * with what it counts; under the change log, because a key must hold across a move of the tenant.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table cloister.idempotency_keys (
      tenant_id uuid not null,
      id uuid not null,
      user_id uuid not null,
      -- SHA-256 of the key, and HMAC-SHA256 of the request under it: a request may hold a password,
      -- which whoever reads this row could try to guess if the key stood here too.
      key_hash bytea not null check (octet_length(key_hash) = 32),
      request_hash bytea not null check (octet_length(request_hash) = 32),
      -- Drawn by the process that executes the request: no other's transaction passes for it.
      claim_id uuid not null,
      -- From then on, whoever claimed it counts as dead.
      lease_until timestamptz(3) not null,
      -- Transactions of the request that were committed, each counted in itself.
      commits integer not null default 0,
      finished_at timestamptz(3),
      -- The GraphQL response, as JSON; null when it was too large, or was not to be kept any more.
      answer text,
      answer_bytes integer,
      created_at timestamptz(3) not null default now(),
      expires_at timestamptz(3) not null,
      primary key (tenant_id, id),
      constraint idempotency_keys_key_hash_key unique (tenant_id, user_id, key_hash),
      constraint idempotency_keys_user_id_fkey foreign key (tenant_id, user_id)
        references cloister.users (tenant_id, id) on delete cascade
    );
    create index idempotency_keys_expires_at_idx on cloister.idempotency_keys (tenant_id, expires_at);
    select cloister.guard_tenant_table('idempotency_keys', with_history => false);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`drop table cloister.idempotency_keys`);
}
