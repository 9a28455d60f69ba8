/**
 * Spreads the tables of a data source over the servers of its Citus cluster, when the extension came
 * after the tables. Repeatable: what is done already is left as it is.
 *
 * Sessions state their tenant in the distributed style before a table is distributed, for in the direct
 * one they would see nothing; the other way round costs no more than some messages.
 */
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { withClient } from '../database/with-client';
import { SECOND } from '../lib/duration';
import { actingAs } from './acting-as';
import { DataSourceRefused } from './add-data-source';
import { parseDataSourceUrl } from './data-source-url';
import type { DataSourceRow } from './registry.store';
import { openMigrationUrl } from './secrets/data-source-urls';
import type { Tenancy } from './tenancy';

export interface DistributedTable {
  readonly name: string;
  readonly kind: 'distributed' | 'reference';
}

export interface DistributeOptions {
  readonly actor: string;
  /** How long every server has to hear of the new style; it hears at once if it listens. */
  readonly settleMs?: number;
}

const SETTLE_MS = 5 * SECOND;
const RAISED = 'P0001';

/** @returns what was distributed now. @throws DataSourceRefused, and what the database says. */
export async function distributeDataSource(
  {
    secretBox,
    addressGuard,
    registryDb,
  }: Pick<Tenancy, 'secretBox' | 'addressGuard' | 'registryDb'>,
  dataSource: DataSourceRow,
  { actor, settleMs = SETTLE_MS }: DistributeOptions,
): Promise<DistributedTable[]> {
  const { id, name, placement, sessionStyle } = dataSource;
  const ownerUrl = await openMigrationUrl(secretBox, dataSource);
  if (ownerUrl === undefined) {
    throw new DataSourceRefused(
      `The data source "${name}" has no migration URL: its owner runs \`select * from cloister.distribute_tenant_tables()\` after you have run \`cloister sources style ${name} distributed\`.`,
    );
  }
  const owner = parseDataSourceUrl(ownerUrl, placement, addressGuard);
  return withClient(owner, { applicationName: 'cloister-distribute' }, async (client) => {
    await refuseUnprepared(client, name);
    if (sessionStyle === 'direct') {
      await actingAs(registryDb, actor, (registry) =>
        registry.updateDataSource(id, { sessionStyle: 'distributed' }),
      );
      await delay(settleMs);
    }
    return distributeTables(client);
  });
}

async function refuseUnprepared(client: pg.Client, name: string): Promise<void> {
  const { rows } = await client.query<{ citus: boolean; migrated: boolean }>(
    `select exists (select from pg_extension where extname = 'citus') as citus,
            to_regprocedure('cloister.distribute_tenant_tables()') is not null as migrated`,
  );
  if (rows[0]?.citus !== true) {
    throw new DataSourceRefused(
      `Expected the extension citus in the database of "${name}", but it is not there: its administrator installs it, adds the workers, and you run this again.`,
    );
  }
  if (!rows[0].migrated) {
    throw new DataSourceRefused(
      `Expected the newest schema in "${name}": run \`cloister migrate\` first.`,
    );
  }
}

async function distributeTables(client: pg.Client): Promise<DistributedTable[]> {
  // Rows are carried in one transaction, which may take long.
  await client.query('set statement_timeout = 0');
  try {
    const { rows } = await client.query<DistributedTable>(
      'select name, kind from cloister.distribute_tenant_tables()',
    );
    return rows;
  } catch (error) {
    // What the function itself refuses it says in our words, with what to run.
    if (!(error instanceof pg.DatabaseError) || error.code !== RAISED) throw error;
    throw new DataSourceRefused([error.message, error.hint].filter(Boolean).join('\n  '));
  }
}
