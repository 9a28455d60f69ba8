/**
 * The steps of a registration. Each may be repeated: it finds what an earlier attempt has made,
 * makes the rest and says what is known from then on. None knows which comes after it.
 */
import { createEmailIndexKeyOf, normalizeEmail } from '../../auth/email-address';
import { insertFirstAdmin } from '../../auth/first-admin';
import { findCredentialsByEmail } from '../../auth/users.store';
import { formatConnectionUrl } from '../../database/connection-url';
import { createMigrationSource } from '../../database/migration-source';
import { conflictError, UserFaults } from '../../graphql/user-errors';
import { DAY } from '../../lib/duration';
import { actingAs } from '../../tenancy/acting-as';
import { addDataSource } from '../../tenancy/add-data-source';
import { enrolDataSource, enrolTenant } from '../../tenancy/provision';
import type { Tenancy } from '../../tenancy/tenancy';
import { openServer } from '../database-servers';
import { chooseDataSource, chooseServer } from './choose-place';
import { createProvisioningStore, type ProvisioningRow, type Step } from './provisioning.store';
import type { RegistrationInputs } from './registration-inputs';
import { createTenantDatabase, type OnProgress, type TenantDatabase } from './tenant-database';

export interface StepDependencies {
  readonly tenancy: Tenancy;
  readonly emailIndexKey: string;
  readonly onProgress?: OnProgress;
}

export interface Work {
  readonly row: ProvisioningRow;
  readonly inputs: RegistrationInputs;
}

/** There is no room for the tenant where it wants to be; another placement may have some. */
export class NoRoom extends Error {
  override readonly name = 'NoRoom';
}

/** In the audit log. */
export const ACTOR = 'registration';

/** What the next step can rely on, beside what stands in the registry. */
type Known = Partial<Pick<ProvisioningRow, 'serverId' | 'databaseName' | 'dataSourceId'>>;

export const dataSourceName = (tenantId: string): string => `tenant-${tenantId}`;

export function databaseOf({ row, inputs }: Work): TenantDatabase {
  const database = row.databaseName ?? `cloister_${row.tenantId.replaceAll('-', '')}`;
  return {
    database,
    owner: { name: `${database}_owner`, password: inputs.ownerPassword },
    app: { name: `${database}_app`, password: inputs.appPassword },
  };
}

export function createSteps(deps: StepDependencies): Record<Step, (work: Work) => Promise<Known>> {
  const { tenancy, emailIndexKey } = deps;
  const { registryDb } = tenancy;
  const keyOf = createEmailIndexKeyOf(emailIndexKey);

  const getTenant = async (id: string) => {
    const tenant = await tenancy.registry.findTenant(id);
    if (tenant === undefined) throw new Error('The tenant of a registration is gone.');
    return tenant;
  };

  async function place({ row }: Work): Promise<Known> {
    const { region } = await getTenant(row.tenantId);
    if (row.dataSourceId !== null || row.placement === 'byo') return {};
    return actingAs(registryDb, ACTOR, async (registry, trx) => {
      if (row.placement === 'shared') {
        const dataSourceId = await chooseDataSource(trx, region);
        if (dataSourceId === undefined) throw new NoRoom();
        await registry.updateTenant(row.tenantId, { dataSourceId });
        await createProvisioningStore(trx).save(row, { dataSourceId });
        return { dataSourceId };
      }
      const serverId = await chooseServer(trx, region);
      if (serverId === undefined) throw new NoRoom();
      const databaseName = databaseOf({ row, inputs: NO_INPUTS }).database;
      // With the choice: whoever chooses next must count it.
      await createProvisioningStore(trx).save(row, { serverId, databaseName });
      return { serverId, databaseName };
    });
  }

  async function database(work: Work): Promise<Known> {
    const { row } = work;
    if (row.placement !== 'dedicated' || row.serverId === null) return {};
    const { connection, poolMax, region } = await openServer(tenancy, row.serverId);
    const made = databaseOf(work);
    await createTenantDatabase(connection, made, deps.onProgress);
    const urlOf = ({ name: user, password }: TenantDatabase['owner']): string =>
      formatConnectionUrl({ ...connection, database: made.database, user, password });
    const dataSourceId = await enrolDataSource(tenancy, {
      name: dataSourceName(row.tenantId),
      placement: 'dedicated',
      url: urlOf(made.app),
      migrationUrl: urlOf(made.owner),
      poolMax,
    });
    deps.onProgress?.('enrolled');
    await actingAs(registryDb, ACTOR, async (registry, trx) => {
      // A clone has the schema of the template, which is this version's.
      const schemaVersion = createMigrationSource('tenant').names.at(-1) ?? null;
      await registry.updateDataSource(dataSourceId, { region, schemaVersion });
      await trx('registry.data_sources')
        .where('id', dataSourceId)
        .update({ server_id: row.serverId });
      await registry.updateTenant(row.tenantId, { dataSourceId });
    });
    return { dataSourceId };
  }

  /** Ours have it already: a shared one is migrated with the fleet, a dedicated one is a clone. */
  async function schema({ row, inputs }: Work): Promise<Known> {
    if (row.placement !== 'byo' || row.dataSourceId !== null || inputs.byo === undefined) return {};
    const name = dataSourceName(row.tenantId);
    const { url, migrationUrl } = inputs.byo;
    const known = await tenancy.registry.findDataSourceByName(name);
    const dataSourceId =
      known?.id ??
      (await addDataSource(tenancy, {
        name,
        placement: 'byo',
        url,
        ...(migrationUrl === undefined ? {} : { migrationUrl }),
      }));
    await actingAs(registryDb, ACTOR, (registry) =>
      registry.updateTenant(row.tenantId, { dataSourceId }),
    );
    return { dataSourceId };
  }

  async function tenant({ row }: Work): Promise<Known> {
    const { slug, name, dataSourceId } = await getTenant(row.tenantId);
    if (dataSourceId === null)
      throw new Error('A tenant without a data source was to be enrolled.');
    await enrolTenant(tenancy, { slug, name, dataSourceId });
    return {};
  }

  async function admin({ row, inputs }: Work): Promise<Known> {
    const { adminName: name, email, passwordHash } = inputs;
    const session = tenancy.openSession(await getTenant(row.tenantId));
    await session.transaction(async (tx) => {
      const made = await insertFirstAdmin(tx, { name, email, passwordHash });
      // Of an earlier attempt; or the database was there first, with users of its own.
      if (!made && (await findCredentialsByEmail(tx, normalizeEmail(email))) === undefined) {
        throw new UserFaults([
          conflictError(['email'], 'cannot be made an admin: the database has users already'),
        ]);
      }
      // Before the commit: an address too many in the index costs a look, one too few a log-in.
      await tenancy.registry.addEmail(keyOf(normalizeEmail(email)), row.tenantId);
    });
    return {};
  }

  /** Into service, with the inputs forgotten; both or none. */
  async function activate({ row }: Work): Promise<Known> {
    await actingAs(registryDb, ACTOR, async (_registry, trx) => {
      const plan = await trx('registry.plans as p')
        .join('registry.tenants as t', 't.plan', 'p.name')
        .where('t.id', row.tenantId)
        .first<{ trialDays: number | null } | undefined>({ trialDays: 'p.trial_days' });
      const trialDays = plan?.trialDays ?? null;
      await trx('registry.tenants')
        .where({ id: row.tenantId, status: 'provisioning' })
        .update({
          status: trialDays === null ? 'active' : 'trial',
          trial_ends_at: trialDays === null ? null : new Date(Date.now() + trialDays * DAY),
          status_changed_at: trx.fn.now(),
          updated_at: trx.fn.now(),
        });
      await createProvisioningStore(trx).end(row, 'done');
    });
    // Whoever asked meanwhile has left it in the cache as one that nobody may sign in to.
    tenancy.directory.invalidate('tenants', row.tenantId);
    return {};
  }

  return { place, database, schema, tenant, admin, activate };
}

/** Where a name is wanted and no password. */
const NO_INPUTS: RegistrationInputs = {
  adminName: '',
  email: '',
  passwordHash: '',
  ownerPassword: '',
  appPassword: '',
};
