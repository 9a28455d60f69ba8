import type { Knex } from 'knex';

/**
 * How often something was tried, for limits that all processes share: wrong passwords by account and
 * by address. The columns are those that `rate-limiter-flexible` expects. A key is a digest, so that
 * neither a person nor an address can be read here.
 *
 * Not logged: what a crash loses are counts of a quarter of an hour.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create unlogged table registry.rate_limits (
      key varchar(255) primary key,
      points integer not null default 0,
      -- Milliseconds since the epoch.
      expire bigint
    );
    create index rate_limits_expire on registry.rate_limits (expire);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('drop table registry.rate_limits');
}
