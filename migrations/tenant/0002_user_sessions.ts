import type { Knex } from 'knex';

/**
 * Log-in sessions of a tenant's users. They stand in the tenant's own data source, beside the users
 * they belong to: who signs in to a tenant is that tenant's data and goes where it goes.
 *
 * A row is one log-in, and the family of all refresh tokens that come of it. Rows of ended sessions
 * stay a while, for the list of a user's sessions and for tracing a stolen token; each log-in of a
 * user removes those that ended a month ago.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table cloister.user_sessions (
      tenant_id uuid not null,
      id uuid not null,
      user_id uuid not null,
      -- SHA-256 of secrets of 128 and 256 random bits; the secrets themselves are kept nowhere.
      -- The family's stays as long as the session, the generation's changes at each refresh: a token
      -- that knows the family but not the generation was used before, so somebody holds a copy.
      refresh_family_hash bytea not null check (octet_length(refresh_family_hash) = 32),
      refresh_generation_hash bytea not null check (octet_length(refresh_generation_hash) = 32),
      created_at timestamptz(3) not null default now(),
      -- At log-in and at each refresh, not at each request: reads should not write.
      last_used_at timestamptz(3) not null default now(),
      -- When the refresh token of this generation lapses; moves on with each refresh.
      expires_at timestamptz(3) not null,
      revoked_at timestamptz(3),
      revoked_reason text check (revoked_reason in (
        'logout', 'refresh_token_reused', 'password_changed', 'user_disabled', 'revoked'
      )),
      -- As the server saw them: shown to the user in the list of sessions, decided upon nowhere.
      -- Text and not inet, because a proxy may hand over what is no address.
      ip text not null check (length(ip) <= 64),
      user_agent text not null check (length(user_agent) <= 512),
      primary key (tenant_id, id),
      -- Users are deleted softly; when a row of theirs does go (purge, erasure), so do these.
      constraint user_sessions_user_id_fkey foreign key (tenant_id, user_id)
        references cloister.users (tenant_id, id) on delete cascade,
      check ((revoked_at is null) = (revoked_reason is null))
    )
  `);
  // For the cascade above, and for ending all sessions of one user.
  await knex.raw(`
    create index user_sessions_user_id_idx on cloister.user_sessions (tenant_id, user_id)
  `);
  await knex.raw(`alter table cloister.user_sessions enable row level security`);
  // FORCE, so that the policy binds the table's owner too.
  await knex.raw(`alter table cloister.user_sessions force row level security`);
  // nullif, because the setting reads '' and not NULL once a transaction that set it is over.
  await knex.raw(`
    create policy tenant_isolation on cloister.user_sessions
      using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
      with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`drop table cloister.user_sessions`);
}
