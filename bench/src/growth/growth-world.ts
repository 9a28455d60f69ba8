/**
 * One Postgres with a database for each size: one tenant each, and one that a thousand tenants share,
 * with as many rows as the largest. All are data sources of one registry, so that one server serves
 * them.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { describeDataset, fillDataset, type Dataset } from '../dataset';
import type { DataSize } from '../dataset';
import type { Options } from '../options';
import { parentOf } from '../process-figures';
import { embeddedModule, PROJECT_ROOT } from '../product';
import type { Progress } from '../progress';
import { runEnrol } from '../world';
import { withoutIndexes } from './fast-fill';

export interface Place {
  readonly label: string;
  /** Accounts of a tenant. */
  readonly accounts: number;
  /** Accounts of the database. */
  readonly total: number;
  readonly database: string;
  readonly dataset: Dataset;
  /** Of the tenants that are asked. */
  readonly slugs: readonly string[];
}

export interface GrowthWorld {
  readonly places: readonly Place[];
  readonly version: string;
  readonly postgresPort: number;
  readonly postmasterPid: number;
  readonly sharedBuffers: string;
  readonly cloisterEnvironment: Readonly<Record<string, string>>;
  readonly password: string;
  close(): Promise<void>;
}

interface Plan {
  readonly label: string;
  readonly database: string;
  readonly tenants: number;
  readonly accounts: number;
}
/** What the folder remembers, by database: the tenants, those that are asked first. */
interface Kept {
  readonly password: string;
  readonly filled: Readonly<Record<string, readonly string[]>>;
}

/** Of the tenants that share a data source: a thousand of them have a million. */
const ACCOUNTS_OF_SHARERS = 1000;
const ASKED_TENANTS = 20;
const TABLES = ['accounts', 'contacts', 'opportunities', 'events'] as const;
/** Filling is cut into parts that each end in time; the next run goes on. */
const FILL_WITHIN_MS = 150_000;
/** A quarter of a small server's memory; and this database may be lost, so that it is filled fast. */
const SETTINGS = {
  shared_buffers: '1GB',
  maintenance_work_mem: '1GB',
  max_wal_size: '16GB',
  wal_level: 'minimal',
  max_wal_senders: '0',
  fsync: 'off',
  full_page_writes: 'off',
} as const;

function plansOf(sizes: readonly number[]): readonly Plan[] {
  const largest = Math.max(...sizes);
  const accounts = ACCOUNTS_OF_SHARERS;
  const tenants = Math.max(1, Math.floor(largest / accounts));
  return [
    ...sizes.map((size) => ({
      label: size.toLocaleString('en-US'),
      database: `growth_${size}`,
      tenants: 1,
      accounts: size,
    })),
    {
      label: `${tenants.toLocaleString('en-US')} × ${accounts.toLocaleString('en-US')}`,
      database: `growth_shared_${largest}`,
      tenants,
      accounts,
    },
  ];
}

/** As many contacts, opportunities and events as accounts. */
const sizeOf = ({ tenants, accounts }: Plan): DataSize => {
  const rows = tenants * accounts;
  return { tenants, accounts: rows, contacts: rows, opportunities: rows, events: rows };
};

const slugsOf = ({ database, tenants }: Plan): readonly string[] =>
  Array.from(
    { length: Math.min(tenants, ASKED_TENANTS) },
    (_, index) => `${database.replaceAll('_', '-')}-${index}`,
  );

export async function openGrowthWorld(
  options: Options,
  home: string,
  progress: Progress,
  signal: AbortSignal,
): Promise<GrowthWorld> {
  const { postgres, settings, dataSources } = await embeddedModule().prepareEmbedded(
    join(home, 'database'),
    { log: () => undefined, settings: SETTINGS },
  );
  const connect = async (database: string): Promise<Client> => {
    const client = new Client({ connectionString: postgres.urlFor(database) });
    client.on('error', () => undefined); // told by the statement that fails
    await client.connect();
    return client;
  };
  const admin = await connect('postgres');
  const close = async (): Promise<void> => {
    await admin.end().catch(() => undefined);
    await postgres.stop();
  };
  try {
    await admin.query('alter system set autovacuum = off');
    await admin.query('select pg_reload_conf()');
    const file = join(home, 'growth.json');
    let kept: Kept = await readFile(file, 'utf8').then(
      (text) => JSON.parse(text) as Kept,
      () => ({ password: randomBytes(18).toString('base64url'), filled: {} }),
    );
    const { shared } = dataSources;
    const urlsOf = ({ database }: Plan) => {
      const at = (text: string): string => {
        const url = new URL(text);
        url.pathname = `/${database}`;
        return url.href;
      };
      return { name: database, url: at(shared.url), migrationUrl: at(shared.migrationUrl) };
    };
    const enrol = async (plan: Plan, slugs: readonly string[]): Promise<readonly string[]> => {
      const order = {
        root: PROJECT_ROOT,
        sources: [{ ...urlsOf(plan), slugs }],
        poolSize: options.poolSize,
        password: kept.password,
      };
      const [ids = []] = await runEnrol(order, settings, signal);
      return ids;
    };
    const plans = plansOf(options.sizes);
    const begunAt = Date.now();
    for (const plan of plans) {
      signal.throwIfAborted();
      if (kept.filled[plan.database] !== undefined) {
        await enrol(plan, []); // the port may be another
        continue;
      }
      if (options.fillOnly && Date.now() - begunAt > FILL_WITHIN_MS) {
        throw new Error(
          `${Object.keys(kept.filled).length} of ${plans.length} databases are filled: run again with the same --home to go on.`,
        );
      }
      progress.say(`Filling ${plan.database}: ${sizeOf(plan).accounts} accounts.`);
      await admin.query(`drop database if exists ${plan.database}`);
      const owner = admin.escapeIdentifier(new URL(shared.migrationUrl).username);
      await admin.query(`create database ${plan.database} owner ${owner}`);
      const asked = await enrol(plan, slugsOf(plan));
      // The others have rows and no place in the registry: nobody asks for them.
      const others = Array.from({ length: plan.tenants - asked.length }, () => randomUUID());
      await fill(await connect(plan.database), [...asked, ...others], sizeOf(plan));
      kept = { ...kept, filled: { ...kept.filled, [plan.database]: asked } };
      await writeFile(file, JSON.stringify(kept), { mode: 0o600 });
    }
    const about = await admin.query<{ pid: number; version: string }>(
      "select pg_backend_pid() as pid, current_setting('server_version') as version",
    );
    return {
      places: plans.map((plan) => ({
        label: plan.label,
        accounts: plan.accounts,
        total: plan.tenants * plan.accounts,
        database: plan.database,
        // Only those that are asked: rows of all count by the size.
        dataset: {
          ...describeDataset(kept.filled[plan.database] ?? [], sizeOf(plan)),
          accountsPerTenant: plan.accounts,
        },
        slugs: slugsOf(plan),
      })),
      version: about.rows[0]?.version ?? '',
      postgresPort: postgres.port,
      postmasterPid: parentOf(about.rows[0]?.pid ?? 0),
      sharedBuffers: SETTINGS.shared_buffers,
      cloisterEnvironment: settings,
      password: kept.password,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function fill(client: Client, tenants: readonly string[], size: DataSize): Promise<void> {
  try {
    await client.query('set synchronous_commit = off');
    await withoutIndexes(client, TABLES, () => fillDataset(client, tenants, size));
  } finally {
    await client.end();
  }
}
