/**
 * What a mover holds while it works: the tenant's lock in the registry, on one connection, and on
 * the same connection everything that it writes there. Whoever loses the connection has lost the
 * lock, and can change nothing more.
 */
import type { Knex } from 'knex';
import type pg from 'pg';
import { MoveError } from './move-error';
import { createMoveStore, type MoveStore } from './moves.store';

export interface Mover {
  readonly moves: MoveStore;
  /** One transaction of the registry, audited under the mover's name. */
  change<T>(work: (moves: MoveStore) => Promise<T>): Promise<T>;
}

/** @throws MoveError when somebody else moves the tenant now. */
export async function withMover<T>(
  registryDb: Knex,
  { tenantId, actor }: { readonly tenantId: string; readonly actor: string },
  work: (mover: Mover) => Promise<T>,
): Promise<T> {
  return withRegistryClient(registryDb, async (client) => {
    const { rows } = await client.query<{ locked: boolean }>(
      'select pg_try_advisory_lock(hashtextextended($1, 7302514)) as locked',
      [tenantId],
    );
    if (rows[0]?.locked !== true) {
      throw new MoveError(
        'Expected nobody to be moving this tenant, but another process is: `--status` shows how far it is.',
      );
    }
    try {
      return await work({
        moves: createMoveStore(client),
        async change(changeWork) {
          await client.query('begin');
          try {
            await client.query("select set_config('app.actor', $1, true)", [actor]);
            const result = await changeWork(createMoveStore(client));
            await client.query('commit');
            return result;
          } catch (error) {
            await client.query('rollback').catch(() => undefined);
            throw error;
          }
        },
      });
    } finally {
      // On a connection that is lost the lock is, too.
      await client
        .query('select pg_advisory_unlock(hashtextextended($1, 7302514))', [tenantId])
        .catch(() => undefined);
    }
  });
}

/** For looking at moves without holding a tenant's lock. */
export const withMoves = <T>(
  registryDb: Knex,
  work: (moves: MoveStore) => Promise<T>,
): Promise<T> => withRegistryClient(registryDb, (client) => work(createMoveStore(client)));

async function withRegistryClient<T>(
  registryDb: Knex,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const pool = registryDb.client as Knex.Client;
  const client = (await pool.acquireConnection()) as pg.Client;
  try {
    return await work(client);
  } finally {
    await pool.releaseConnection(client);
  }
}
