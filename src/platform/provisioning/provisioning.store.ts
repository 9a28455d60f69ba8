/** The registrations under way: rows, mapping and leases; what to do with them is `provisioning.ts`. */
import type { Knex } from 'knex';
import { uuidv7 } from 'uuidv7';
import { MINUTE, SECOND } from '../../lib/duration';
import type { Placement } from '../../tenancy/registry.store';

/** In this order; `remove` takes back what those before it made. */
export const STEPS = ['place', 'database', 'schema', 'tenant', 'admin', 'activate'] as const;
export type Step = (typeof STEPS)[number];

export interface ProvisioningRow {
  readonly id: string;
  readonly tenantId: string;
  readonly slug: string;
  readonly placement: Placement;
  readonly step: Step | 'remove';
  readonly emailHmac: Buffer;
  readonly inputsSealed: string;
  readonly serverId: string | null;
  readonly databaseName: string | null;
  readonly dataSourceId: string | null;
  readonly attempts: number;
  readonly lease: string | null;
  readonly createdAt: Date;
}

const COLUMNS = {
  id: 'id',
  tenantId: 'tenant_id',
  slug: 'slug',
  placement: 'placement',
  step: 'step',
  emailHmac: 'email_hmac',
  inputsSealed: 'inputs_sealed',
  serverId: 'server_id',
  databaseName: 'database_name',
  dataSourceId: 'data_source_id',
  attempts: 'attempts',
  lease: 'lease',
  createdAt: 'created_at',
} as const satisfies Record<keyof ProvisioningRow, string>;

type Progress = Partial<
  Pick<ProvisioningRow, 'step' | 'serverId' | 'databaseName' | 'dataSourceId'>
>;

/** Longer than any step: whoever holds it and is dead is not waited for longer than this. */
const LEASE_MS = MINUTE;
const RETRY_AFTER_MS = 5 * SECOND;

/** Somebody else has taken the work over: what was done is theirs to find and go on with. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
}

export function createProvisioningStore(db: Knex) {
  const table = () => db('registry.provisionings');
  const until = (ms: number) => db.raw(`now() + ? * interval '1 millisecond'`, [ms]);

  return {
    /** Takes the lease if nobody has it. */
    async claim(id: string): Promise<ProvisioningRow | undefined> {
      const [row] = await table()
        .where({ id, status: 'running' })
        .whereRaw('(leased_until is null or leased_until <= now())')
        .update({
          lease: uuidv7(),
          leased_until: until(LEASE_MS),
          // Counted when it begins: what kills the process each time must come to an end as well.
          attempts: db.raw('attempts + 1'),
          updated_at: db.fn.now(),
        })
        .returning<ProvisioningRow[]>(
          Object.entries(COLUMNS).map(([field, column]) => `${column} as ${field}`),
        );
      return row;
    },
    findRunning: (slug: string): Promise<ProvisioningRow | undefined> =>
      table().where({ slug, status: 'running' }).first<ProvisioningRow | undefined>(COLUMNS),
    listDue: async (limit: number): Promise<string[]> =>
      table()
        .where('status', 'running')
        .whereRaw('(leased_until is null or leased_until <= now())')
        .orderBy('created_at')
        .limit(limit)
        .pluck<string[]>('id'),
    /** @throws LeaseLost. */
    async save(
      { id, lease }: Pick<ProvisioningRow, 'id' | 'lease'>,
      progress: Progress,
    ): Promise<void> {
      const changed = await table()
        .where({ id, lease })
        .update({
          ...(progress.step === undefined ? {} : { step: progress.step }),
          ...(progress.serverId === undefined ? {} : { server_id: progress.serverId }),
          ...(progress.databaseName === undefined ? {} : { database_name: progress.databaseName }),
          ...(progress.dataSourceId === undefined ? {} : { data_source_id: progress.dataSourceId }),
          leased_until: until(LEASE_MS),
          updated_at: db.fn.now(),
        });
      if (changed === 0) throw new LeaseLost('The registration is in other hands.');
    },
    async end(
      { id, lease }: Pick<ProvisioningRow, 'id' | 'lease'>,
      status: 'done' | 'removed',
    ): Promise<void> {
      const changed = await table().where({ id, lease, status: 'running' }).update({
        status,
        inputs_sealed: null,
        lease: null,
        leased_until: null,
        updated_at: db.fn.now(),
      });
      if (changed === 0) throw new LeaseLost('The registration is in other hands.');
    },
    /** Gives the lease back, to be tried again in a moment. @param fault told to operators, no secret. */
    async failed(
      { id, lease }: Pick<ProvisioningRow, 'id' | 'lease'>,
      fault: string,
    ): Promise<void> {
      await table()
        .where({ id, lease })
        .update({
          last_error: fault,
          lease: null,
          // A repetition by whoever registers need not wait: it asks by the slug and not by the time.
          leased_until: until(RETRY_AFTER_MS),
          updated_at: db.fn.now(),
        });
    },
    /** Lets a repetition in before the pause is over; never while somebody works at it. */
    async hasten(id: string): Promise<void> {
      await table()
        .where({ id, status: 'running' })
        .whereNull('lease')
        .update({ leased_until: null });
    },
    async forgetBefore(time: Date): Promise<number> {
      return table().whereNot('status', 'running').where('updated_at', '<', time).delete();
    },
  };
}

export type ProvisioningStore = ReturnType<typeof createProvisioningStore>;

export interface Reservation {
  readonly tenantId: string;
  readonly slug: string;
  readonly name: string;
  readonly plan: string;
  readonly region: string;
  readonly placement: Placement;
  readonly tenantIdInDataSource: string;
  readonly dataSourceId: string | null;
  readonly emailHmac: Buffer;
  readonly inputsSealed: string;
}

/**
 * The tenant's row, which reserves the slug, and the registration beside it; both or none.
 * @returns the registration, leased to the caller. @throws a unique violation when the slug is taken.
 */
export async function reserve(
  trx: Knex.Transaction,
  { tenantId, slug, ...reservation }: Reservation,
): Promise<{ readonly id: string; readonly lease: string }> {
  const [id, lease] = [uuidv7(), uuidv7()];
  await trx('registry.tenants').insert({
    id: tenantId,
    slug,
    name: reservation.name,
    status: 'provisioning',
    plan: reservation.plan,
    region: reservation.region,
    data_source_id: reservation.dataSourceId,
    tenant_id_in_data_source: reservation.tenantIdInDataSource,
  });
  await trx('registry.provisionings').insert({
    id,
    tenant_id: tenantId,
    slug,
    placement: reservation.placement,
    step: 'place',
    email_hmac: reservation.emailHmac,
    inputs_sealed: reservation.inputsSealed,
    data_source_id: reservation.dataSourceId,
    lease,
    attempts: 1,
    leased_until: trx.raw(`now() + ? * interval '1 millisecond'`, [LEASE_MS]),
  });
  return { id, lease };
}
