/**
 * What Postgres is told of the sizes of tenants that share tables.
 *
 * A plan that is kept for all values of a statement's parameters takes every tenant for an average one. Among
 * a thousand small tenants that is next to nothing, and for the one large tenant Postgres then sorts a whole
 * list where it could read the first twenty of an index, or looks for one record among all that the tenant
 * has. Too large an estimate does no such harm: each plan begins at the tenant's rows, and a small
 * tenant has few. So none is to be taken for smaller than a twentieth of its table, nor for larger than the
 * largest.
 *
 * `n_distinct` says the first. The second is the one common value that `statistics 1` leaves: neither
 * kind of plan expects more than that of a tenant, and where tenants are alike both expect the same, so that
 * plans are kept as before. The figures are in docs/growth.md.
 */
import type pg from 'pg';
import type { ConnectionSettings } from './connection-url';
import { SECOND } from '../lib/duration';
import { LOCK_NOT_AVAILABLE } from './apply-migrations';
import { withClient } from './with-client';

/** With no more tenants than this the average is large enough, and what is known of each is worth more. */
const SMALLEST_SHARE = 20;

/** Neither command keeps anybody from reading or writing: it waits for a vacuum, or another like itself. */
const PATIENCE_MS = 10 * SECOND;

interface TenantColumn {
  /** Of its table, as SQL. */
  readonly place: string;
  readonly isStated: boolean;
  readonly hasRows: boolean;
}

/**
 * For the owner of the tables; may be repeated, and does nothing where all is said already. What somebody
 * else has set for a table stands. Tables that are distributed over servers are theirs to estimate.
 *
 * @param tenants how many there are in the data source. @returns the tables it was said of.
 */
export async function stateTenantShares(
  owner: ConnectionSettings,
  tenants: number,
  patienceMs = PATIENCE_MS,
): Promise<string[]> {
  const isWanted = tenants > SMALLEST_SHARE;
  return withClient(owner, { applicationName: 'cloister-migrate' }, async (client) => {
    const { rows } = await client.query<TenantColumn>(TENANT_COLUMNS);
    const stated: string[] = [];
    for (const column of rows.filter(({ isStated }) => isStated !== isWanted)) {
      if (await state(client, column, { isWanted, patienceMs })) stated.push(column.place);
    }
    return stated;
  });
}

const TENANT_COLUMNS = `
  select c.oid::regclass::text as place, c.reltuples > 0 as "hasRows", a.attoptions is not null as "isStated"
  from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
  where c.relnamespace = 'cloister'::regnamespace and c.relkind = 'r' and not a.attisdropped
    and (coalesce(a.attstattarget, -1), coalesce(a.attoptions, '{}'))
      in ((-1, '{}'), (1, '{n_distinct=${SMALLEST_SHARE}}'))
    and not cloister.is_distributed(c.oid)
    and not exists (select from pg_index i
                    where i.indrelid = c.oid and i.indisunique and i.indnkeyatts = 1 and i.indkey[0] = a.attnum)
  order by c.relname`;

/** One transaction, as statements of one message are. @returns false when the table was busy: until next time. */
async function state(
  client: pg.Client,
  { place, hasRows }: TenantColumn,
  { isWanted, patienceMs }: { readonly isWanted: boolean; readonly patienceMs: number },
): Promise<boolean> {
  const [options, statistics] = isWanted
    ? [`set (n_distinct = ${SMALLEST_SHARE})`, 1]
    : ['reset (n_distinct)', -1];
  try {
    await client.query(`
      set local lock_timeout = ${patienceMs};
      alter table ${place} alter column tenant_id ${options}, alter column tenant_id set statistics ${statistics};
      ${hasRows ? `analyze ${place}` : ''}`);
    return true;
  } catch (error) {
    if ((error as { readonly code?: unknown }).code !== LOCK_NOT_AVAILABLE) throw error;
    return false;
  }
}
