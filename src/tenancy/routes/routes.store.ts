/** The registry's phone numbers and host names: SQL and mapping, no decisions. */
import type { Knex } from 'knex';

/** How a number's provider signs what it sends: Twilio's way, or that of Standard Webhooks. */
export const SIGNING_SCHEMES = ['twilio', 'standard'] as const;
export type SigningScheme = (typeof SIGNING_SCHEMES)[number];

export interface PhoneNumberRow {
  readonly id: string;
  readonly tenantId: string;
  /** E.164 */
  readonly number: string;
  readonly scheme: SigningScheme;
  readonly secretSealed: string;
  readonly createdAt: Date;
}

export interface HostnameRow {
  readonly id: string;
  readonly tenantId: string;
  readonly hostname: string;
  readonly verificationToken: string;
  readonly verifiedAt: Date | null;
  readonly failedChecks: number;
  readonly createdAt: Date;
}

const NUMBER_COLUMNS = {
  id: 'id',
  tenantId: 'tenant_id',
  number: 'number',
  scheme: 'scheme',
  secretSealed: 'secret_sealed',
  createdAt: 'created_at',
} as const satisfies Record<keyof PhoneNumberRow, string>;

const HOSTNAME_COLUMNS = {
  id: 'id',
  tenantId: 'tenant_id',
  hostname: 'hostname',
  verificationToken: 'verification_token',
  verifiedAt: 'verified_at',
  failedChecks: 'failed_checks',
  createdAt: 'created_at',
} as const satisfies Record<keyof HostnameRow, string>;

export function createRoutesStore(db: Knex) {
  const numbers = () => db<PhoneNumberRow>('registry.phone_numbers').select(NUMBER_COLUMNS);
  const hostnames = () => db<HostnameRow>('registry.hostnames').select(HOSTNAME_COLUMNS);
  return {
    findNumber: (number: string): Promise<PhoneNumberRow | undefined> =>
      numbers().where('number', number).first(),
    listNumbers: async (after: string | undefined, limit: number): Promise<PhoneNumberRow[]> => {
      const page = numbers().orderBy('number').limit(limit);
      return after === undefined ? page : page.where('number', '>', after);
    },
    insertNumber: async (row: Omit<PhoneNumberRow, 'createdAt'>): Promise<void> => {
      const { id, tenantId, number, scheme, secretSealed } = row;
      await db('registry.phone_numbers').insert({
        id,
        tenant_id: tenantId,
        number,
        scheme,
        secret_sealed: secretSealed,
      });
    },
    removeNumber: async (number: string): Promise<boolean> =>
      (await db('registry.phone_numbers').where('number', number).delete()) > 0,

    findHostname: (tenantId: string, hostname: string): Promise<HostnameRow | undefined> =>
      hostnames().where('tenant_id', tenantId).where('hostname', hostname).first(),
    findVerifiedHostname: (hostname: string): Promise<HostnameRow | undefined> =>
      hostnames().where('hostname', hostname).whereNotNull('verified_at').first(),
    listHostnamesOf: async (tenantId: string): Promise<HostnameRow[]> =>
      hostnames().where('tenant_id', tenantId).orderBy('hostname'),
    /** Of all tenants; several may claim the same. */
    listHostnames: async (
      after: Pick<HostnameRow, 'hostname' | 'id'> | undefined,
      limit: number,
    ): Promise<HostnameRow[]> => {
      const page = hostnames().orderBy('hostname').orderBy('id').limit(limit);
      if (after === undefined) return page;
      return page.whereRaw('(hostname, id) > (?, ?::uuid)', [after.hostname, after.id]);
    },
    listVerifiedHostnames: async (
      after: string | undefined,
      limit: number,
    ): Promise<HostnameRow[]> => {
      const page = hostnames().whereNotNull('verified_at').orderBy('hostname').limit(limit);
      return after === undefined ? page : page.where('hostname', '>', after);
    },
    insertHostname: async (
      row: Pick<HostnameRow, 'id' | 'tenantId' | 'hostname' | 'verificationToken'>,
    ): Promise<void> => {
      await db('registry.hostnames').insert({
        id: row.id,
        tenant_id: row.tenantId,
        hostname: row.hostname,
        verification_token: row.verificationToken,
      });
    },
    updateHostname: async (
      id: string,
      { verifiedAt, failedChecks }: Pick<HostnameRow, 'verifiedAt' | 'failedChecks'>,
    ): Promise<void> => {
      await db('registry.hostnames')
        .where({ id })
        .update({ verified_at: verifiedAt, failed_checks: failedChecks, updated_at: db.fn.now() });
    },
    removeHostname: async (tenantId: string, hostname: string): Promise<boolean> =>
      (await db('registry.hostnames').where({ tenant_id: tenantId, hostname }).delete()) > 0,
  };
}

export type RoutesStore = ReturnType<typeof createRoutesStore>;
