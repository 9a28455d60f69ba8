import type { Knex } from 'knex';

/**
 * Who consented to what, when and by which means, and when they withdrew it. A row is a decision and
 * never changes: what holds is the latest of a contact and a purpose, and what held then can be
 * shown later. The row goes only with the person, when they or their organisation are erased.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table cloister.consents (
      tenant_id uuid not null,
      id uuid not null,
      contact_id uuid not null,
      purpose text not null check (length(purpose) between 1 and 100),
      decision text not null check (decision in ('given', 'withdrawn')),
      means text not null check (means in (
        'web_form', 'email', 'phone', 'sms', 'paper', 'in_person', 'contract', 'import', 'other')),
      -- What shows it: the wording that was agreed to, a document's number, the address of the form.
      evidence text check (length(evidence) <= 4000),
      decided_at timestamptz(3) not null,
      -- When and by whom it was written down; null where no user did.
      recorded_at timestamptz(3) not null default clock_timestamp(),
      recorded_by uuid,
      primary key (tenant_id, id),
      -- No cascade: what shows a consent is not lost by the way with a contact's purge.
      constraint consents_contact_id_fkey foreign key (tenant_id, contact_id)
        references cloister.contacts (tenant_id, id)
    );
    create index consents_contact_id_idx
      on cloister.consents (tenant_id, contact_id, purpose, decided_at, recorded_at, id);
    select cloister.guard_tenant_table('consents');

    create function cloister.keep_consents() returns trigger
      language plpgsql set search_path = pg_catalog as $$
      begin
        -- A mover carries rows as they are; an erasure removes them.
        if current_setting('app.change_log', true) = 'off' then return null; end if;
        raise exception 'consents are only added to: record another decision' using errcode = '42501';
      end
      $$;
    -- After, so that what is refused anyway is refused for its own reason.
    create trigger append_only after update or delete on cloister.consents
      for each row execute function cloister.keep_consents();
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table cloister.consents;
    drop function cloister.keep_consents();
  `);
}
