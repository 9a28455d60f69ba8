/**
 * Many tenants on one embedded Postgres, made by the product's own registration and signed in over
 * HTTP. A fleet that is kept in a folder is taken up again: what is missing of it is made.
 */
import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { embeddedModule, PROJECT_ROOT } from '../product';
import type { Progress } from '../progress';
import {
  TOKENS_GOOD_FOR_SECONDS,
  type FleetOrder,
  type MadeTenants,
  type PoolerLogin,
} from './fleet-process';
import { signInAll, type WorkingTenant } from './fleet-sign-in';
import type { MemoryReading } from './memory-probe';
import type { FleetSize, ScaleOptions } from './scale-options';
import { startServers } from './server-group';
import { startPgBouncer } from './pgbouncer';

export type { WorkingTenant };

/** What is kept of a fleet beside its databases. */
interface Kept {
  readonly size: FleetSize;
  readonly password: string;
  readonly making: {
    readonly perSecond: Readonly<Record<string, number>>;
    /** Of a server process before there was a tenant. */
    readonly emptyMemory?: MemoryReading;
  };
  readonly tenants: readonly WorkingTenant[];
}

export interface Fleet {
  readonly size: FleetSize;
  readonly making: Kept['making'];
  readonly tenants: readonly WorkingTenant[];
  /** By index of the tenant. */
  readonly tokens: ReadonlyMap<number, string>;
  /** Where server processes reach data sources. */
  readonly dataSourcePort: number;
  readonly adminUrl: string;
  /** For server processes. */
  readonly env: Readonly<Record<string, string>>;
  /** @param requestsPerMinute null for none. */
  limit(tenant: WorkingTenant, requestsPerMinute: number | null): Promise<void>;
  close(): Promise<void>;
}

/** So that making many can be cut into parts that each end in time. */
const MAKE_WITHIN_MS = 240_000;

export async function openFleet(
  options: ScaleOptions,
  home: string,
  progress: Progress,
  signal: AbortSignal,
): Promise<Fleet> {
  await mkdir(home, { recursive: true });
  const { postgres, settings, serverUrl } = await embeddedModule().prepareEmbedded(
    join(home, 'database'),
    // More than all budgets together: what bounds the connections is to be the product.
    { log: () => undefined, settings: { max_connections: '700' } },
  );
  const closers: (() => Promise<unknown>)[] = [() => postgres.stop()];
  const close = async (): Promise<void> => {
    for (const closer of closers.reverse()) await closer();
  };
  const order = <T>(what: FleetOrder): Promise<T> => runOrder<T>(what, settings, progress, signal);
  const root = PROJECT_ROOT;
  try {
    const file = join(home, 'fleet.json');
    let kept = await readKept(file);
    const keep = (change: Partial<Kept>): Promise<void> => {
      if (kept === undefined) throw new Error('There is no fleet to keep.');
      kept = { ...kept, ...change };
      return writeFile(file, JSON.stringify(kept), { mode: 0o600 });
    };
    const env = {
      ...settings,
      CONNECTION_BUDGET: String(options.budget),
      // A token that is good for longer than the server's own would be refused.
      AUTH_ACCESS_TOKEN_TTL_SECONDS: String(TOKENS_GOOD_FOR_SECONDS),
    };
    if (kept === undefined) {
      progress.say(`Making ${options.size.sources} shared databases.`);
      await order({ root, work: 'sources', count: options.size.sources, serverUrl });
      const servers = await startServers({ count: 1, home, env, signal });
      const emptyMemory = await servers.memory().finally(() => servers.stop());
      kept = {
        size: options.size,
        password: 'correct-horse-battery',
        making: { perSecond: {}, emptyMemory },
        tenants: [],
      };
      await keep({});
    }
    await order({ root, work: 'route', port: postgres.port, namedStatements: true });
    const { size, password } = kept;
    const made = await order<MadeTenants>({
      root,
      work: 'tenants',
      size,
      password,
      withinMs: MAKE_WITHIN_MS,
    });
    const perSecond = { ...kept.making.perSecond };
    for (const kind of ['shared', 'dedicated', 'registered'] as const) {
      if (made.made[kind] > 0) perSecond[kind] = made.made[kind] / made.seconds[kind];
    }
    await keep({ making: { ...kept.making, perSecond } });
    if (!made.complete) {
      throw new Error(
        `${made.tenants.length} of ${size.registered} tenants are made so far: run again with the same --home to go on.`,
      );
    }
    if (kept.tenants.length < size.shared + size.dedicated) {
      const servers = await startServers({
        count: 1,
        home,
        env: { ...env, LIMIT_TENANT_COST_PER_MINUTE: '1000000000' },
        signal,
      });
      const [port = 0] = servers.ports;
      await keep({
        tenants: await signInAll({ port, password, size, made, progress }).finally(() =>
          servers.stop(),
        ),
      });
    }
    let dataSourcePort = postgres.port;
    if (options.pgbouncer) {
      const bouncer = await startPgBouncer({
        folder: join(home, 'pgbouncer'),
        postgresPort: postgres.port,
        logins: await order<readonly PoolerLogin[]>({ root, work: 'logins' }),
        poolSizes: { shared: 8, dedicated: 1 },
      });
      closers.push(() => bouncer.stop());
      dataSourcePort = bouncer.port;
      // Debian's version is older than 1.21, the first that carries named statements.
      await order({ root, work: 'route', port: bouncer.port, namedStatements: false });
    }
    const claimsFile = join(home, 'claims.json');
    await writeFile(claimsFile, JSON.stringify(kept.tenants.map(({ claims }) => claims)));
    const tokens = await order<readonly string[]>({ root, work: 'tokens', claimsFile });
    return {
      size,
      making: kept.making,
      tenants: kept.tenants,
      tokens: new Map(kept.tenants.map(({ index }, at) => [index, tokens[at] ?? ''])),
      dataSourcePort,
      adminUrl: postgres.urlFor('postgres'),
      env,
      limit: ({ id }, requestsPerMinute) =>
        order({ root, work: 'limit', tenantId: id, requestsPerMinute }),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function readKept(file: string): Promise<Kept | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Kept);
}

/** @throws what the process said. */
function runOrder<T>(
  order: FleetOrder,
  settings: Readonly<Record<string, string>>,
  progress: Progress,
  signal: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(__dirname, 'fleet-process.js')], {
      env: { ...process.env, ...settings, FLEET_ORDER: JSON.stringify(order) },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
    });
    let answer = '';
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4000);
      if (/^[\w ]+:? \d+/.test(chunk.toString())) progress.say(chunk.toString().trimEnd());
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(JSON.parse(answer) as T);
      else reject(new Error(`Making the fleet (${order.work}) failed:\n${said}`));
    });
  });
}
