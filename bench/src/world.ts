/**
 * One Postgres with one filled database, in a home of its own that goes with it. A run has one; the
 * comparison of two commits has one for each, since their tables may differ.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { fillDataset, removeCreated, type Dataset } from './dataset';
import type { EnrolOrder } from './enrol';
import type { Options } from './options';
import { parentOf } from './process-figures';
import { embeddedModule } from './product';

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
  /** @param port of Postgres, or of a proxy before it. */
  urlOf(role: 'app' | 'bypass', port: number): string;
  /** Tells the registry where the data source is. */
  moveDataSource(port: number): Promise<void>;
  removeCreated(): Promise<void>;
  close(): Promise<void>;
}

const BYPASS_ROLE = 'bench_bypass';

export async function createWorld(
  root: string,
  home: string,
  options: Options,
  signal: AbortSignal,
): Promise<World> {
  // A start cannot be interrupted; what comes after it can.
  const embedded = await embeddedModule().prepareEmbedded(join(home, 'database'), {
    log: () => undefined,
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
    const password = randomBytes(18).toString('base64url');
    const enrol = async (port: number): Promise<readonly string[]> => {
      const order: EnrolOrder = {
        root,
        dataSource: { url: atPort(shared.url, port), migrationUrl: shared.migrationUrl },
        poolSize: options.poolSize,
        tenants: options.size.tenants,
        password,
      };
      const { stdout } = await run(process.execPath, [join(__dirname, 'enrol.js')], {
        env: { ...process.env, ...settings, ENROL_ORDER: JSON.stringify(order) },
        signal,
      });
      return JSON.parse(stdout) as readonly string[];
    };
    const tenants = await enrol(postgres.port);
    const bypassUrl = await createBypassRole(admin, shared.url);
    const dataset = await fillDataset(admin, tenants, options.size);
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
      urlOf: (role, port) => atPort(role === 'app' ? shared.url : bypassUrl, port),
      moveDataSource: async (port) => void (await enrol(port)),
      removeCreated: () => removeCreated(admin),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** For peers that know no row-level security: the same rights, and past the policies. */
async function createBypassRole(admin: Client, appUrl: string): Promise<string> {
  const url = new URL(appUrl);
  const password = randomBytes(18).toString('hex');
  await admin.query(
    `create role ${BYPASS_ROLE} login bypassrls password '${password}' in role ${admin.escapeIdentifier(url.username)}`,
  );
  url.username = BYPASS_ROLE;
  url.password = password;
  return url.href;
}

function atPort(text: string, port: number): string {
  const url = new URL(text);
  url.port = String(port);
  return url.href;
}
