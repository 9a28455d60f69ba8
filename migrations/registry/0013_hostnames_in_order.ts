import type { Knex } from 'knex';

/** Pages of all claimed names, in their order; several tenants may claim the same. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw('create index hostnames_in_order on registry.hostnames (hostname, id)');
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop index registry.hostnames_in_order');
}
