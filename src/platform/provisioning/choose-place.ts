/** Where a new tenant goes: the emptiest place of its region that is in service and has room. */
import type { Knex } from 'knex';

/** One choice at a time in the whole fleet: of two at once each would take the last room. */
const CHOICE_LOCK = 7_302_520;

const takeTurn = (trx: Knex.Transaction) =>
  trx.raw('select pg_advisory_xact_lock(?)', [CHOICE_LOCK]);

/** @returns the id of a shared data source; undefined when none has room. */
export async function chooseDataSource(
  trx: Knex.Transaction,
  region: string,
): Promise<string | undefined> {
  await takeTurn(trx);
  const { rows } = await trx.raw<{ rows: { id: string }[] }>(
    `select d.id
     from registry.data_sources d
     left join registry.data_source_tenants known on known.data_source_id = d.id
     cross join lateral (select coalesce(known.tenants, 0) as tenants) used
     where d.placement = 'shared' and d.status = 'active' and d.region = ?
       and (d.max_tenants is null or used.tenants < d.max_tenants)
     order by used.tenants, d.name
     limit 1`,
    [region],
  );
  return rows[0]?.id;
}

/** @returns the id of a database server; undefined when none has room. */
export async function chooseServer(
  trx: Knex.Transaction,
  region: string,
): Promise<string | undefined> {
  await takeTurn(trx);
  const { rows } = await trx.raw<{ rows: { id: string }[] }>(
    `select s.id
     from registry.database_servers s
     cross join lateral (
       select (select count(*) from registry.data_sources d where d.server_id = s.id)
         -- On their way: no data source yet.
         + (select count(*) from registry.provisionings p
            where p.server_id = s.id and p.status = 'running' and p.data_source_id is null) as databases
     ) used
     where s.status = 'active' and s.region = ?
       and (s.max_databases is null or used.databases < s.max_databases)
     order by used.databases, s.name
     limit 1`,
    [region],
  );
  return rows[0]?.id;
}
