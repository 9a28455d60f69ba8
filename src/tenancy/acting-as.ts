/** Changes to the registry under somebody's name: the audit triggers write it beside what changed. */
import type { Knex } from 'knex';
import { createRegistryStore, type RegistryStore } from './registry.store';

/**
 * Runs `work` in one transaction of the registry whose changes are audited as `actor`, for instance
 * `operator:ada@example.test`, `command-line` or `job:trial-end`. What it throws rolls all back.
 */
export async function actingAs<T>(
  registryDb: Knex,
  actor: string,
  work: (registry: RegistryStore, trx: Knex.Transaction) => Promise<T>,
): Promise<T> {
  return registryDb.transaction(async (trx) => {
    await trx.raw(`select set_config('app.actor', ?, true)`, [actor]);
    return work(createRegistryStore(trx), trx);
  });
}

/** The registry as it is, but what is written through it is audited as `actor`, each write by itself. */
export function registryAs(registryDb: Knex, actor: string): RegistryStore {
  const writing =
    <A extends unknown[]>(name: WriteName) =>
    (...args: A): Promise<void> =>
      actingAs(registryDb, actor, (registry) =>
        (registry[name] as unknown as (...given: A) => Promise<void>)(...args),
      );
  return {
    ...createRegistryStore(registryDb),
    insertDataSource: writing('insertDataSource'),
    updateDataSource: writing('updateDataSource'),
    insertTenant: writing('insertTenant'),
    updateTenant: writing('updateTenant'),
  };
}

type WriteName = 'insertDataSource' | 'updateDataSource' | 'insertTenant' | 'updateTenant';
