import type { Knex } from 'knex';

/** Requests of days long past are deleted nightly: they are found without reading those that stay. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw('create index tenant_requests_day on registry.tenant_requests (day)');
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop index registry.tenant_requests_day');
}
