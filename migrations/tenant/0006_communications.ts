import type { Knex } from 'knex';

/**
 * Messages, calls and letters with people outside. A provider that delivers a message twice gets the
 * same row: its id of the message is unique in a tenant, also when the record was deleted since.
 *
 * The sender of a message is found by number among the contacts, hence the indexes there.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table cloister.communications (
      tenant_id uuid not null,
      id uuid not null,
      channel text not null check (channel in ('sms', 'mms', 'whatsapp', 'email', 'call', 'chat', 'letter', 'meeting', 'other')),
      direction text not null check (direction in ('inbound', 'outbound', 'internal')),
      status text not null default 'completed' check (status in ('draft', 'queued', 'sent', 'delivered', 'received', 'completed', 'failed')),
      sender text,
      recipient text,
      subject text,
      body text,
      occurred_at timestamptz(3) not null default now(),
      media jsonb,
      provider text,
      provider_message_id text,
      contact_match text check (contact_match in ('matched', 'unknown', 'ambiguous')),
      contact_id uuid,
      account_id uuid,
      opportunity_id uuid,
      event_id uuid,
      owner_id uuid,
      external_id text,
      version integer not null default 1,
      created_at timestamptz(3) not null default now(),
      updated_at timestamptz(3) not null default now(),
      created_by uuid,
      updated_by uuid,
      deleted_at timestamptz(3),
      primary key (tenant_id, id),
      constraint communications_provider_message_id_check check (provider_message_id is null or provider is not null),
      constraint communications_contact_id_fkey foreign key (tenant_id, contact_id)
        references cloister.contacts (tenant_id, id),
      constraint communications_account_id_fkey foreign key (tenant_id, account_id)
        references cloister.accounts (tenant_id, id),
      constraint communications_opportunity_id_fkey foreign key (tenant_id, opportunity_id)
        references cloister.opportunities (tenant_id, id),
      constraint communications_event_id_fkey foreign key (tenant_id, event_id)
        references cloister.events (tenant_id, id),
      constraint communications_owner_id_fkey foreign key (tenant_id, owner_id)
        references cloister.users (tenant_id, id)
    );
    create unique index communications_external_id_key on cloister.communications (tenant_id, external_id)
      where deleted_at is null and external_id is not null;
    create unique index communications_provider_message_id_key
      on cloister.communications (tenant_id, provider, provider_message_id) where provider_message_id is not null;
    create index communications_created_at_idx on cloister.communications (tenant_id, created_at, id) where deleted_at is null;
    create index communications_occurred_at_idx on cloister.communications (tenant_id, occurred_at, id) where deleted_at is null;
    create index communications_contact_id_idx on cloister.communications (tenant_id, contact_id, id) where deleted_at is null;
    create index communications_account_id_idx on cloister.communications (tenant_id, account_id, id) where deleted_at is null;
    create index communications_opportunity_id_idx on cloister.communications (tenant_id, opportunity_id, id) where deleted_at is null;
    create index communications_event_id_idx on cloister.communications (tenant_id, event_id, id) where deleted_at is null;
    create index communications_owner_id_idx on cloister.communications (tenant_id, owner_id, id) where deleted_at is null;

    create index contacts_phone_idx on cloister.contacts (tenant_id, phone, id)
      where deleted_at is null and phone is not null;
    create index contacts_mobile_phone_idx on cloister.contacts (tenant_id, mobile_phone, id)
      where deleted_at is null and mobile_phone is not null;

    select cloister.guard_tenant_table('communications');
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table cloister.communications;
    drop index cloister.contacts_phone_idx, cloister.contacts_mobile_phone_idx;
  `);
}
