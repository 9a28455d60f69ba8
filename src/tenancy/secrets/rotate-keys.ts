/**
 * Rotation, while everything is served. The master key that is active now seals every data key anew,
 * and values that stand under no active data key come under one; on demand every owner gets a new
 * data key first. All steps find out from the registry what is left to do, so that a rotation that
 * was killed goes on where it was; one runs at a time.
 */
import type { Knex } from 'knex';
import { uuidv7 } from 'uuidv7';
import { HOUR } from '../../lib/duration';
import type { ConnectionSettings } from '../../database/connection-url';
import { withClient } from '../../database/with-client';
import { settleAll } from '../../lib/settle-all';
import { actingAs } from '../acting-as';
import type { Tenancy } from '../tenancy';
import { createDataKeyStore, type DataKeyRow, type Rewrapped } from './data-keys.store';
import { EnvelopeError } from './envelope';
import { listValues, replaceValues } from './sealed-values.store';
import { resealTenant } from './reseal-tenant';
import { resealValues } from './reseal-values';
import { REGISTRY_SEALED_COLUMNS } from './sealed-columns';

/** Another rotation is running. The message says so. */
export class RotationRefused extends Error {
  override readonly name = 'RotationRefused';
}

export type RotationStep = 'new data keys' | 'values' | 'tenants’ values' | 'data keys';

export interface RotationProgress {
  readonly step: RotationStep;
  readonly done: number;
  readonly total: number;
}

export interface RotationOptions {
  /** Also makes a new data key for every owner and seals all values with it. */
  readonly renewDataKeys?: boolean;
  readonly onProgress?: (progress: RotationProgress) => void;
  /** Looked at between batches. */
  readonly signal?: AbortSignal;
  readonly batchSize?: number;
  /** Under whose name the registry's audit shows it. */
  readonly actor?: string;
}

export interface RotationReport {
  readonly provider: string;
  readonly masterKeyId: string;
  readonly dataKeysMade: number;
  readonly valuesResealed: number;
  readonly dataKeysResealed: number;
  readonly dataKeysDestroyed: number;
  /** What still needs an older key, and why it could not be brought over. */
  readonly faults: readonly { readonly what: string; readonly detail: string }[];
}

/** Any fixed number of its own: the lock is per database. */
const LOCK_KEY = 7_302_513;
const BATCH = 250;
const AT_ONCE = 16;
/** Somebody may have taken the key to seal with just before it was replaced, and store the value yet. */
const DESTROY_AFTER_MS = HOUR;

/** @throws RotationRefused, TENANT_UNAVAILABLE, and what the signal says. */
export async function rotateKeys(
  tenancy: Tenancy,
  registryConnection: ConnectionSettings,
  options: RotationOptions = {},
): Promise<RotationReport> {
  return withClient(registryConnection, { applicationName: 'cloister-rotate' }, async (lock) => {
    const { rows } = await lock.query<{ free: boolean }>(
      'select pg_try_advisory_lock($1) as free',
      [LOCK_KEY],
    );
    if (rows[0]?.free !== true) {
      throw new RotationRefused('Another rotation of keys is running: wait until it has ended.');
    }
    return rotate(tenancy, options);
  });
}

async function rotate(tenancy: Tenancy, options: RotationOptions): Promise<RotationReport> {
  const { masterKeys, dataKeyStore } = tenancy.keys;
  const active = {
    provider: masterKeys.active.name,
    masterKeyId: await masterKeys.active.findActiveKeyId(),
  };
  const faults: RotationReport['faults'][number][] = [];
  const { actor = 'command-line', batchSize: batch = BATCH } = options;
  const run: Run = { ...options, tenancy, active, faults, actor, batch };

  // One that was killed is finished, whether it was asked for again or not.
  const renewing = options.renewDataKeys === true || (await dataKeyStore.isRenewing());
  const dataKeysMade = renewing ? await renewDataKeys(run) : 0;
  const valuesResealed = (await resealRegistry(run)) + (await resealTenants(run));
  if (renewing) await dataKeyStore.endRenewal();
  const dataKeysResealed = await resealDataKeys(run);
  const dataKeysDestroyed = await destroyUnused(run);
  return {
    ...active,
    dataKeysMade,
    valuesResealed,
    dataKeysResealed,
    dataKeysDestroyed,
    faults,
  };
}

interface Run extends RotationOptions {
  readonly tenancy: Tenancy;
  readonly active: { readonly provider: DataKeyRow['provider']; readonly masterKeyId: string };
  readonly faults: { what: string; detail: string }[];
  readonly batch: number;
  readonly actor: string;
}

async function renewDataKeys({ tenancy, actor, batch, onProgress, signal }: Run): Promise<number> {
  const { dataKeys, dataKeyStore } = tenancy.keys;
  const begun = await dataKeyStore.beginRenewal(uuidv7());
  const total = await dataKeyStore.countActiveBefore(begun);
  for (let done = 0; ;) {
    signal?.throwIfAborted();
    const rows = await dataKeyStore.listActiveBefore(begun, batch);
    if (rows.length === 0) return done;
    await changing(tenancy, actor, (trx) => dataKeys.renew(rows, createDataKeyStore(trx)));
    done += rows.length;
    onProgress?.({ step: 'new data keys', done, total });
  }
}

async function resealRegistry(run: Run): Promise<number> {
  const { registryDb, keys } = run.tenancy;
  let resealed = 0;
  for (const column of REGISTRY_SEALED_COLUMNS) {
    let done = 0;
    for (let afterId: string | undefined; ;) {
      run.signal?.throwIfAborted();
      const { values, total } = await listValues(registryDb, column, afterId, run.batch);
      if (values.length === 0) break;
      afterId = values.at(-1)?.id;
      const result = await resealValues(keys, column.ownerKind, column.column, values);
      resealed += await changing(run.tenancy, run.actor, (trx) =>
        replaceValues(trx, column, result.resealed),
      );
      for (const { id, detail } of result.faults) {
        run.faults.push({ what: `${column.table} ${id}, ${column.column}`, detail });
      }
      done += values.length;
      run.onProgress?.({ step: 'values', done, total: Math.max(done, total) });
    }
  }
  return resealed;
}

/** What is sealed in tenants' own databases: looked for where a key was replaced. */
async function resealTenants(run: Run): Promise<number> {
  const tenantIds = await run.tenancy.keys.dataKeyStore.listTenantsWithRetired();
  let resealed = 0;
  let done = 0;
  await settleAll(tenantIds, AT_ONCE / 4, async (tenantId) => {
    run.signal?.throwIfAborted();
    const result = await resealTenant(run.tenancy, tenantId).catch((error: unknown) => ({
      resealed: 0,
      faults: [{ what: `tenant ${tenantId}`, detail: (error as Error).message }],
    }));
    resealed += result.resealed;
    run.faults.push(...result.faults);
    done += 1;
    run.onProgress?.({ step: 'tenants’ values', done, total: tenantIds.length });
  });
  run.signal?.throwIfAborted();
  return resealed;
}

async function resealDataKeys(run: Run): Promise<number> {
  const { masterKeys, dataKeyStore } = run.tenancy.keys;
  const total = await dataKeyStore.countForeign(run.active);
  let resealed = 0;
  let done = 0;
  for (let afterId: string | undefined; ;) {
    run.signal?.throwIfAborted();
    const rows = await dataKeyStore.listForeign(run.active, afterId, run.batch);
    if (rows.length === 0) return resealed;
    afterId = rows.at(-1)?.id;
    const settled = await settleAll(rows, AT_ONCE, async (row): Promise<Rewrapped> => {
      const { provider, ...after } = await masterKeys.rewrap(row, row.id);
      return { id: row.id, before: row.keySealed, provider, after };
    });
    const changes: Rewrapped[] = [];
    for (const [index, result] of settled.entries()) {
      const row = rows[index];
      if (result.status === 'fulfilled') changes.push(result.value);
      else if (result.reason instanceof EnvelopeError && row !== undefined) {
        run.faults.push({
          what: `the data key of ${row.ownerKind} ${row.ownerId}`,
          detail: result.reason.message,
        });
      } else throw result.reason;
    }
    resealed += await changing(run.tenancy, run.actor, (trx) =>
      createDataKeyStore(trx).rewrap(changes),
    );
    done += rows.length;
    run.onProgress?.({ step: 'data keys', done, total: Math.max(done, total) });
  }
}

/** Data keys that were replaced long enough ago and that no value names any more. */
async function destroyUnused({ tenancy, actor, faults }: Run): Promise<number> {
  // Where a value could not be brought over, its key may be needed to mend it.
  if (faults.length > 0) return 0;
  const { dataKeyStore } = tenancy.keys;
  const before = new Date(Date.now() - DESTROY_AFTER_MS);
  const retired = await dataKeyStore.listRetiredBefore(before);
  const ids = retired.map(({ id }) => id);
  return changing(tenancy, actor, (trx) => createDataKeyStore(trx).destroy(ids));
}

const changing = <T>(
  { registryDb }: Pick<Tenancy, 'registryDb'>,
  actor: string,
  work: (trx: Knex.Transaction) => Promise<T>,
): Promise<T> => actingAs(registryDb, actor, (_registry, trx) => work(trx));
