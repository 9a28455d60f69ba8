/** Tenancy's waits, for the registry and for a connection, as spans and as a measure. */
import type { Tracer } from '../lib/tracer';
import { SECOND } from '../lib/duration';
import type { DataSource } from './directory';
import type { Lease } from './lease';
import type { PoolManager } from './pools';
import type { RegistryStore } from './registry.store';

type Loads = Pick<RegistryStore, 'findTenant' | 'findTenantBySlug' | 'findDataSource'>;

export function tracedLoads(store: Loads, tracer: Tracer | undefined): Loads {
  if (tracer === undefined) return store;
  return {
    findTenant: (id) => tracer.span('registry tenant', {}, () => store.findTenant(id)),
    findTenantBySlug: (slug) =>
      tracer.span('registry tenant', {}, () => store.findTenantBySlug(slug)),
    findDataSource: (id) => tracer.span('registry data source', {}, () => store.findDataSource(id)),
  };
}

export interface LeaseWatch {
  readonly tracer?: Tracer | undefined;
  /** Called when a connection was had, or was not. */
  readonly onLease?: ((dataSource: DataSource, seconds: number) => void) | undefined;
}

export function watchedLeases(
  pools: Pick<PoolManager, 'lease'>,
  { tracer, onLease }: LeaseWatch,
): Pick<PoolManager, 'lease'> {
  const timed = (dataSource: DataSource, tenantId?: string): Promise<Lease> => {
    const startedAt = performance.now();
    const lease = pools.lease(dataSource, tenantId);
    const note = (): void => onLease?.(dataSource, (performance.now() - startedAt) / SECOND);
    // Beside who asked and not before: nobody gets a connection later for being timed.
    lease.then(note, note);
    return lease;
  };
  if (tracer === undefined) return { lease: timed };
  return {
    lease: (dataSource, tenantId) =>
      tracer.span('lease', { 'cloister.data_source': dataSource.name }, () =>
        timed(dataSource, tenantId),
      ),
  };
}
