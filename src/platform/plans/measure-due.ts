/**
 * A round of measuring: those whose turn it is, batch by batch, for as long as a round may take. How far
 * it came stands in the registry, so that the next round, or another process, goes on from there, and
 * neither tenants that cannot be reached nor those that are busy keep the others waiting.
 */
import { MINUTE } from '../../lib/duration';
import { settleAll } from '../../lib/settle-all';
import type { TenantRow } from '../../tenancy/registry.store';
import type { Tenancy } from '../../tenancy/tenancy';
import { removeDue, settleDue, takeDue } from './usage.store';

export interface MeasuringOptions {
  readonly forMs?: number;
  readonly batchSize?: number;
  readonly signal?: AbortSignal;
}

/** Less than the time between two rounds. */
const ROUND_MS = 4 * MINUTE;
const BATCH = 200;
const AT_ONCE = 2;

const isInService = ({ status, dataSourceId }: TenantRow): boolean =>
  (status === 'trial' || status === 'active') && dataSourceId !== null;

/** @returns how many were measured. */
export async function measureDue(
  { registry, registryDb }: Pick<Tenancy, 'registry' | 'registryDb'>,
  measure: (tenant: TenantRow) => Promise<unknown>,
  { forMs = ROUND_MS, batchSize = BATCH, signal }: MeasuringOptions = {},
): Promise<number> {
  const until = performance.now() + forMs;
  let all = 0;
  for (;;) {
    const taken = await takeDue(registryDb, batchSize);
    if (taken.ids.length === 0) return all;
    // Not through the directory: its places are for tenants that are at work.
    const tenants = (await registry.findTenants(taken.ids)).filter(isInService);
    const outcomes = await settleAll(tenants, AT_ONCE, async (tenant) => {
      signal?.throwIfAborted();
      await measure(tenant);
    });
    const measured = tenants.filter((_, index) => outcomes[index]?.status === 'fulfilled');
    all += measured.length;
    await settleDue(
      registryDb,
      taken,
      measured.map(({ id }) => id),
    );
    if (tenants.length < taken.ids.length) await removeDue(registryDb, taken.ids);
    if (signal?.aborted === true || performance.now() > until) return all;
  }
}
