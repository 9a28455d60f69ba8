/** Takes a read replica into service: only one that is a copy of its data source is enrolled. */
import { uuidv7 } from 'uuidv7';
import { tenantUnavailable } from '../../errors';
import { formatConnectionUrl, type ConnectionSettings } from '../../database/connection-url';
import { withClient } from '../../database/with-client';
import { SECOND } from '../../lib/duration';
import { actingAs } from '../acting-as';
import { parseDataSourceUrl } from '../data-source-url';
import { openUrl } from '../secrets/data-source-urls';
import type { Tenancy } from '../tenancy';
import { createReplicaStore, sealReplicaUrl } from './replica.store';

export class ReplicaRefused extends Error {
  override readonly name = 'ReplicaRefused';
}

export interface ReplicaSpec {
  readonly name: string;
  /** Name of the data source. */
  readonly source: string;
  readonly region: string;
  /** Connects as the run-time role. */
  readonly url: string;
  readonly poolMax: number;
}

const NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;
const WITHIN_MS = 5 * SECOND;

/** A copy bears the identifier that its original was given when it was made. */
const LOOK = `
  select pg_is_in_recovery() as "isReplica", current_database()::text as database,
    (select system_identifier::text from pg_control_system()) as system`;

interface Look {
  readonly isReplica: boolean;
  readonly database: string;
  readonly system: string;
}

/** @param actor whom the audit names. @throws ReplicaRefused, ConnectionUrlError, TENANT_UNAVAILABLE. */
export async function addReplica(
  tenancy: Pick<Tenancy, 'registry' | 'registryDb' | 'secretBox' | 'addressGuard'>,
  actor: string,
  { name, source, region, url, poolMax }: ReplicaSpec,
): Promise<void> {
  const { registry, registryDb, secretBox, addressGuard } = tenancy;
  if (!NAME.test(name)) {
    throw new ReplicaRefused(
      'Expected a name of lower-case letters, digits, _ and -, beginning with a letter or digit, of at most 63.',
    );
  }
  const dataSource = await registry.findDataSourceByName(source);
  if (dataSource === undefined) {
    throw new ReplicaRefused(
      `There is no data source "${source}": \`cloister sources list\` shows them.`,
    );
  }
  if ((await createReplicaStore(registryDb).findByName(name)) !== undefined) {
    throw new ReplicaRefused(`There is a replica "${name}" already: choose another name.`);
  }
  const connection = parseDataSourceUrl(url, dataSource.placement, addressGuard);
  const original = parseDataSourceUrl(
    await openUrl(secretBox, dataSource),
    dataSource.placement,
    addressGuard,
  );
  const [there, here] = await Promise.all([look(connection), look(original)]);
  if (!there.isReplica) {
    throw new ReplicaRefused(
      'Expected a server in recovery, but got one that takes writes: give the URL of the replica.',
    );
  }
  if (there.system !== here.system || there.database !== here.database) {
    throw new ReplicaRefused(
      `Expected a copy of the data source "${source}", but got another server or database: correct the URL.`,
    );
  }
  const id = uuidv7();
  const ids = { id, dataSourceId: dataSource.id };
  const urlSealed = await sealReplicaUrl(secretBox, ids, formatConnectionUrl(connection));
  const row = { ...ids, name, region, status: 'active', urlSealed, poolMax } as const;
  await actingAs(registryDb, actor, (_, trx) => createReplicaStore(trx).insert(row));
}

async function look(connection: ConnectionSettings): Promise<Look> {
  try {
    const options = { applicationName: 'cloister-enrol', withinMs: WITHIN_MS };
    const { rows } = await withClient(connection, options, (client) => client.query<Look>(LOOK));
    const [row] = rows;
    if (row === undefined) throw new Error('The server answered the look with no row.');
    return row;
  } catch (error) {
    throw tenantUnavailable('DATA_SOURCE_UNREACHABLE', error);
  }
}
