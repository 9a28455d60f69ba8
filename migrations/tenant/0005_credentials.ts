import type { Knex } from 'knex';

/**
 * What users sign in with beside a password: tokens that were mailed to them, a second factor, and
 * proofs by which a log-in reaches a person's other organisations.
 *
 * Nothing here can be used by whoever reads it: tokens, codes and families stand as hashes of random
 * secrets, and the second factor's secret is sealed with a key that the data source does not have.
 * All of it belongs to a user and goes with them.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- Links sent by mail. A row is a link that still works: using it deletes the row, so of any
    -- number of attempts at once one finds it.
    create table cloister.user_tokens (
      tenant_id uuid not null,
      id uuid not null,
      user_id uuid not null,
      purpose text not null check (purpose in ('invitation', 'password_reset')),
      -- SHA-256 of 256 random bits.
      secret_hash bytea not null check (octet_length(secret_hash) = 32),
      -- The address it went to: a link proves nothing once the user has another.
      email_key text not null,
      created_at timestamptz(3) not null default now(),
      expires_at timestamptz(3) not null,
      primary key (tenant_id, id),
      constraint user_tokens_user_id_fkey foreign key (tenant_id, user_id)
        references cloister.users (tenant_id, id) on delete cascade
    );
    create index user_tokens_user_id_idx on cloister.user_tokens (tenant_id, user_id);
    select cloister.guard_tenant_table('user_tokens', with_history => false);

    -- The second factor of a user (TOTP, RFC 6238), in force once confirmed by a first code.
    create table cloister.user_totp (
      tenant_id uuid not null,
      id uuid not null,
      user_id uuid not null,
      secret_sealed text not null,
      created_at timestamptz(3) not null default now(),
      confirmed_at timestamptz(3),
      -- The time step of the last code that was taken: that code, and older ones, are used up.
      last_step bigint not null default 0,
      primary key (tenant_id, id),
      constraint user_totp_user_id_key unique (tenant_id, user_id),
      constraint user_totp_user_id_fkey foreign key (tenant_id, user_id)
        references cloister.users (tenant_id, id) on delete cascade
    );
    select cloister.guard_tenant_table('user_totp', with_history => false);

    -- For who has lost the device. A row is a code that still works.
    create table cloister.user_recovery_codes (
      tenant_id uuid not null,
      id uuid not null,
      user_id uuid not null,
      -- SHA-256 over the user's id and 80 random bits.
      code_hash bytea not null check (octet_length(code_hash) = 32),
      created_at timestamptz(3) not null default now(),
      primary key (tenant_id, id),
      constraint user_recovery_codes_user_id_fkey foreign key (tenant_id, user_id)
        references cloister.users (tenant_id, id) on delete cascade
    );
    create index user_recovery_codes_user_id_idx
      on cloister.user_recovery_codes (tenant_id, user_id);
    select cloister.guard_tenant_table('user_recovery_codes', with_history => false);

    -- That the person of a log-in elsewhere has shown this user's password. The family is the one of
    -- their refresh tokens: only who holds such a token can show what its hash was made from.
    create table cloister.sign_in_proofs (
      tenant_id uuid not null,
      id uuid not null,
      user_id uuid not null,
      family_hash bytea not null check (octet_length(family_hash) = 32),
      -- SHA-256 of the stored password hash it was verified against: another password voids the proof.
      credential_hash bytea not null check (octet_length(credential_hash) = 32),
      -- When the second factor was shown here too.
      second_factor_at timestamptz(3),
      created_at timestamptz(3) not null default now(),
      expires_at timestamptz(3) not null,
      primary key (tenant_id, id),
      constraint sign_in_proofs_family_hash_key unique (tenant_id, family_hash),
      constraint sign_in_proofs_user_id_fkey foreign key (tenant_id, user_id)
        references cloister.users (tenant_id, id) on delete cascade
    );
    create index sign_in_proofs_user_id_idx on cloister.sign_in_proofs (tenant_id, user_id);
    select cloister.guard_tenant_table('sign_in_proofs', with_history => false);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table cloister.sign_in_proofs, cloister.user_recovery_codes, cloister.user_totp,
      cloister.user_tokens
  `);
}
