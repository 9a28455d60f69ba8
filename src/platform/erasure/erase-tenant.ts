/**
 * Erases a closed tenant: its rows or its database, its keys, and what the registry knows of it but
 * for a tombstone. Each step can be repeated, so an erasure that was killed is finished by another.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '../../errors';
import { SECOND } from '../../lib/duration';
import { actingAs } from '../../tenancy/acting-as';
import type { DataSourceRow, TenantRow } from '../../tenancy/registry.store';
import type { Tenancy } from '../../tenancy/tenancy';
import { closeTenant } from '../tenant-lifecycle';
import { dropPlace, eraseRows, type OnRemoved } from './erase-place';
import { createErasuresStore, type ErasedPlace, type ErasureCertificate } from './erasures.store';

export interface EraseOptions {
  readonly tenantId: string;
  /** Who asks for it: `operator:ada@example.test`, `command-line`. */
  readonly actor: string;
  /** Closes a tenant that is still in service first. */
  readonly force?: boolean;
  readonly onStep?: (step: string) => void;
  readonly onTable?: (table: string, rows: number) => void;
  /** How long other processes may still believe the tenant to be in service. */
  readonly settleMs?: number;
}

const SETTLE_MS = 6 * SECOND;

/**
 * @returns the certificate, of an erasure that was finished before too.
 * @throws NOT_FOUND, CONFLICT (in service, or on the move), TENANT_UNAVAILABLE.
 */
export async function eraseTenant(
  tenancy: Tenancy,
  options: EraseOptions,
): Promise<ErasureCertificate> {
  const { tenantId, actor, onStep, onTable, settleMs = SETTLE_MS } = options;
  const store = createErasuresStore(tenancy.registryDb);
  const before = await store.find(tenantId);
  if (before !== undefined && before.certificate !== null) return before.certificate;
  const tenant = await tenancy.registry.findTenant(tenantId);
  if (tenant === undefined) throw new AppError('NOT_FOUND', 'There is no such tenant.');
  await refuseUnlessErasable(tenancy, tenant, options);
  if (tenant.status !== 'closed') {
    await closeTenant(tenancy, { tenantId, actor, reason: 'erasure' });
    onStep?.('closed');
    await delay(settleMs);
  }
  const erasure = await store.begin(tenantId, actor);
  const onRemoved: OnRemoved = async (table, rows) => {
    await store.countRemoved(erasure.id, table, rows);
    onTable?.(table, rows);
  };
  const places = await erasePlaces(tenancy, tenant, onRemoved);
  onStep?.('data');
  const dataKeysDestroyed = await tenancy.secretBox.destroyKeysOf({ kind: 'tenant', id: tenantId });
  onStep?.('keys');
  const registryRowsRemoved = await buryTenant(tenancy, tenant, actor);
  const certificate: ErasureCertificate = {
    erasureId: erasure.id,
    tenantId,
    erasedBy: actor,
    startedAt: erasure.startedAt.toISOString(),
    finishedAt: new Date().toISOString(),
    rowsRemoved: (await store.find(tenantId))?.removed ?? {},
    places,
    dataKeysDestroyed,
    registryRowsRemoved,
  };
  await store.finish(erasure.id, certificate);
  onStep?.('registry');
  return certificate;
}

async function refuseUnlessErasable(
  { registryDb }: Tenancy,
  { slug, status, id }: TenantRow,
  { force = false }: EraseOptions,
): Promise<void> {
  if (status !== 'closed' && !force) {
    throw new AppError(
      'CONFLICT',
      `Expected a closed tenant, but "${slug}" is ${status}: close it first, or force it.`,
    );
  }
  const moving = await registryDb('registry.moves')
    .where('tenant_id', id)
    .whereIn('phase', ['prepare', 'copy', 'follow', 'verify', 'switch']);
  if (moving.length === 0) return;
  throw new AppError(
    'CONFLICT',
    `"${slug}" is on the move: let the move finish or roll it back, then erase.`,
  );
}

/** Where it is, and where moves have kept it for the way back, or its name as of one that moved. */
async function erasePlaces(
  tenancy: Tenancy,
  tenant: TenantRow,
  onRemoved: OnRemoved,
): Promise<ErasedPlace[]> {
  const { registry, registryDb } = tenancy;
  const kept: { id: string; localId: string }[] = await registryDb('registry.moves')
    .where('tenant_id', tenant.id)
    .whereIn('phase', ['switched', 'finished'])
    .whereNot('source_id', tenant.dataSourceId ?? tenant.id)
    .distinct({ id: 'source_id', localId: 'source_tenant_id' });
  const own =
    tenant.dataSourceId === null
      ? []
      : [{ id: tenant.dataSourceId, localId: tenant.tenantIdInDataSource }];
  const places: ErasedPlace[] = [];
  for (const { id, localId } of [...kept, ...own]) {
    const dataSource = await registry.findDataSource(id);
    if (dataSource === undefined) continue;
    const serverId = await findServerOfOwn(tenancy, tenant, dataSource);
    places.push(
      serverId === undefined
        ? await eraseRows(tenancy, tenant, dataSource, localId, onRemoved)
        : await dropPlace(tenancy, tenant, dataSource, serverId, onRemoved),
    );
  }
  return places;
}

/** The server, when the database was made there for this tenant and nobody else is in it. */
async function findServerOfOwn(
  { registryDb }: Tenancy,
  tenant: TenantRow,
  { id, placement }: DataSourceRow,
): Promise<string | undefined> {
  if (placement !== 'dedicated') return undefined;
  const row = await registryDb('registry.data_sources')
    .where('id', id)
    .first<{ serverId: string | null } | undefined>({ serverId: 'server_id' });
  const others = await registryDb('registry.tenants')
    .where('data_source_id', id)
    .whereNot('id', tenant.id);
  return others.length > 0 ? undefined : (row?.serverId ?? undefined);
}

/** What leads to the tenant, and what tells of it. */
const REGISTRY_TABLES = [
  'email_index',
  'hostnames',
  'phone_numbers',
  'tenant_usage',
  'tenant_requests',
  'provisionings',
  'moves',
] as const;

async function buryTenant(
  tenancy: Tenancy,
  tenant: TenantRow,
  actor: string,
): Promise<Record<string, number>> {
  const made = tenant.dataSourceId;
  const dataSource = made === null ? undefined : await tenancy.registry.findDataSource(made);
  const dropped =
    dataSource === undefined ? undefined : await findServerOfOwn(tenancy, tenant, dataSource);
  return actingAs(tenancy.registryDb, actor, async (registry, trx) => {
    const removed: Record<string, number> = {};
    for (const table of REGISTRY_TABLES) {
      const rows = await trx(`registry.${table}`).where('tenant_id', tenant.id).delete();
      if (rows > 0) removed[table] = rows;
    }
    await trx('registry.tenants')
      .where('id', tenant.id)
      .update({
        // The slug is free again, and the tombstone says no name.
        slug: `erased-${tenant.id}`,
        name: 'Erased',
        notes: '',
        status_reason: 'erased',
        limit_overrides: {},
        data_source_id: null,
        tenant_id_in_data_source: tenant.id,
        last_accessed_at: null,
        updated_at: trx.fn.now(),
      });
    if (made !== null && dropped !== undefined) {
      await trx('registry.data_sources').where('id', made).delete();
      await registry.announce(`pools:${made}`);
    }
    return removed;
  });
}
