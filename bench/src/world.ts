/**
 * One Postgres with one filled database, in a home of its own that goes with it, unless it is kept for
 * the next run. A run has one; the comparison of two commits has one for each, since their tables may
 * differ.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import {
  describeDataset,
  fillDataset,
  removeCreated,
  type Dataset,
  type DataSize,
} from './dataset';
import { slugOf, type EnrolOrder } from './enrol';
import { UsageError, type Options } from './options';
import { parentOf } from './process-figures';
import { embeddedModule } from './product';
import { createSearchFunction } from './search-function';

const run = promisify(execFile);

export interface World {
  /** Folder of the cloister whose tables these are. */
  readonly root: string;
  readonly dataset: Dataset;
  readonly postgresPort: number;
  /** The server's first process; all others are its children. */
  readonly postmasterPid: number;
  readonly version: string;
  /** What cloister is started with. */
  readonly cloisterEnvironment: Readonly<Record<string, string>>;
  readonly password: string;
  /** Of a superuser in the tenants' database. */
  readonly adminUrl: string;
  /** @param port of Postgres, or of a proxy before it. */
  urlOf(role: 'app' | 'bypass', port: number): string;
  /** Tells the registry where the data source is. */
  moveDataSource(port: number): Promise<void>;
  removeCreated(): Promise<void>;
  close(): Promise<void>;
}

const BYPASS_ROLE = 'bench_bypass';

/** What a world in a folder that is kept remembers. */
interface Kept {
  readonly size: DataSize;
  readonly password: string;
  readonly bypassPassword: string;
  readonly tenants: readonly string[];
}

export interface WorldSpec {
  /** Folder of the cloister whose tables they are to be. */
  readonly root: string;
  readonly home: string;
  readonly options: Options;
  readonly signal: AbortSignal;
  /** Beside those that the product's embedded Postgres has. */
  readonly postgresSettings?: Readonly<Record<string, string>>;
}

export async function createWorld({
  root,
  home,
  options,
  signal,
  postgresSettings = {},
}: WorldSpec): Promise<World> {
  // A start cannot be interrupted; what comes after it can.
  const embedded = await embeddedModule().prepareEmbedded(join(home, 'database'), {
    log: () => undefined,
    settings: postgresSettings,
  });
  const { postgres, settings } = embedded;
  const shared = embedded.dataSources.shared;
  const database = new URL(shared.url).pathname.slice(1);
  const admin = new Client({ connectionString: postgres.urlFor(database) });
  admin.on('error', () => undefined); // told by the statement that fails
  const close = async (): Promise<void> => {
    await admin.end().catch(() => undefined);
    await postgres.stop();
  };
  try {
    await admin.connect();
    // For every connection made from now on: what runs by itself would disturb one server or another.
    await admin.query('alter system set autovacuum = off');
    await admin.query('select pg_reload_conf()');
    const file = join(home, 'world.json');
    const kept = await readKept(file, options.size);
    const password = kept?.password ?? randomBytes(18).toString('base64url');
    const bypassPassword = kept?.bypassPassword ?? randomBytes(18).toString('hex');
    const enrol = (port: number, slugs: readonly string[]): Promise<readonly string[]> => {
      const { migrationUrl } = shared;
      const sources = [{ name: 'bench', url: atPort(shared.url, port), migrationUrl, slugs }];
      const order = { root, sources, poolSize: options.poolSize, password };
      return runEnrol(order, settings, signal).then(([ids = []]) => ids);
    };
    let place = postgres.port;
    const newcomers = kept === undefined ? [...Array(options.size.tenants).keys()].map(slugOf) : [];
    const enrolled = await enrol(place, newcomers);
    const tenants = kept?.tenants ?? enrolled;
    const bypassUrl = bypassUrlOf(shared.url, bypassPassword);
    if (kept === undefined) {
      await createBypassRole(admin, shared.url, bypassPassword);
      await createSearchFunction(admin, [new URL(shared.url).username, BYPASS_ROLE]);
      await fillDataset(admin, tenants, options.size);
      const remembered: Kept = { size: options.size, password, bypassPassword, tenants };
      await writeFile(file, JSON.stringify(remembered), { mode: 0o600 });
    }
    const dataset = describeDataset(tenants, options.size);
    signal.throwIfAborted();
    const about = await admin.query<{ pid: number; version: string }>(
      "select pg_backend_pid() as pid, current_setting('server_version') as version",
    );
    return {
      root,
      dataset,
      postgresPort: postgres.port,
      postmasterPid: parentOf(about.rows[0]?.pid ?? 0),
      version: about.rows[0]?.version ?? '',
      cloisterEnvironment: settings,
      password,
      adminUrl: postgres.urlFor(database),
      urlOf: (role, port) => atPort(role === 'app' ? shared.url : bypassUrl, port),
      async moveDataSource(port) {
        if (port === place) return;
        place = port;
        await enrol(port, []);
      },
      removeCreated: () => removeCreated(admin),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function readKept(file: string, size: DataSize): Promise<Kept | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const kept = JSON.parse(text) as Kept;
  if (JSON.stringify(kept.size) === JSON.stringify(size)) return kept;
  throw new UsageError(
    `Expected the database of ${file} to be filled as now asked for, but got ${JSON.stringify(kept.size)}: remove the folder, or ask for the same.`,
  );
}

/** @returns the tenants' ids, by data source. */
export async function runEnrol(
  order: EnrolOrder,
  settings: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<readonly (readonly string[])[]> {
  const { stdout } = await run(process.execPath, [join(__dirname, 'enrol.js')], {
    env: { ...process.env, ...settings, ENROL_ORDER: JSON.stringify(order) },
    signal,
  });
  return JSON.parse(stdout) as readonly (readonly string[])[];
}

/** For peers that know no row-level security: the same rights, and past the policies. */
async function createBypassRole(admin: Client, appUrl: string, password: string): Promise<void> {
  const { username } = new URL(appUrl);
  await admin.query(
    `create role ${BYPASS_ROLE} login bypassrls password '${password}' in role ${admin.escapeIdentifier(username)}`,
  );
}

function bypassUrlOf(appUrl: string, password: string): string {
  const url = new URL(appUrl);
  url.username = BYPASS_ROLE;
  url.password = password;
  return url.href;
}

function atPort(text: string, port: number): string {
  const url = new URL(text);
  url.port = String(port);
  return url.href;
}
