import type { Knex } from 'knex';

/**
 * What leads to a tenant beside an e-mail address: telephone numbers, to which messages come in, and
 * host names, under which its people sign in.
 *
 * A number belongs to one tenant at a time. A host name may be claimed by anybody and belongs to
 * whoever proved it: of several claims only one can be verified, and the others are worth nothing.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table registry.phone_numbers (
      id uuid primary key,
      tenant_id uuid not null references registry.tenants (id) on delete cascade,
      -- E.164
      number text not null unique check (number ~ '^\\+[1-9][0-9]{6,14}$'),
      -- Whose way of signing its messages follow.
      scheme text not null check (scheme in ('twilio', 'standard')),
      secret_sealed text not null check (secret_sealed like 'v1.%'),
      created_at timestamptz(3) not null default now(),
      updated_at timestamptz(3) not null default now()
    );
    create index phone_numbers_tenant on registry.phone_numbers (tenant_id, number);

    create table registry.hostnames (
      id uuid primary key,
      tenant_id uuid not null references registry.tenants (id) on delete cascade,
      -- In ASCII and lower case, two labels or more; no question mark, which Knex takes for a binding.
      hostname text not null check (length(hostname) <= 253
        and hostname ~ '^([a-z0-9-]{1,63}\\.)+[a-z0-9-]{1,63}$' and hostname !~ '(^|\\.)-|-(\\.|$)'),
      -- What the domain's owner publishes to prove it; of no use to anybody else.
      verification_token text not null check (length(verification_token) >= 32),
      verified_at timestamptz(3),
      -- Looks in a row that found the proof gone.
      failed_checks integer not null default 0 check (failed_checks >= 0),
      created_at timestamptz(3) not null default now(),
      updated_at timestamptz(3) not null default now(),
      unique (tenant_id, hostname)
    );
    create unique index hostnames_verified on registry.hostnames (hostname) where verified_at is not null;

    create trigger audit after insert or update or delete on registry.phone_numbers
      for each row execute function registry.write_audit();
    create trigger audit after insert or update or delete on registry.hostnames
      for each row execute function registry.write_audit();
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table registry.hostnames, registry.phone_numbers');
}
