/**
 * One side of a move: a connection of the mover's own to a data source, as the run-time role and
 * beneath its policies, so that a mover can reach no other tenant's rows. It owns the connection;
 * `close` ends it. What is written through it does not enter the change log: it brings its own.
 */
import pg from 'pg';
import { toClientConfig } from '../../database/connection-url';
import { destroyConnection } from '../../database/pg-internals';
import type { SqlRunner } from '../../database/statement';
import { assertDataSourceIsSafe, type DataSourceFindings } from '../data-source-check';
import type { DataSource } from '../directory';
import { statingTenant, type SessionStyle } from '../transaction-scope';

export interface PlaceTransaction extends SqlRunner {
  readonly client: pg.Client;
}

export interface Place {
  readonly name: string;
  readonly localTenantId: string;
  /** Whether its tables are spread over several servers. */
  readonly distributed: boolean;
  /** One snapshot for all that is read. */
  read<T>(work: (tx: PlaceTransaction) => Promise<T>): Promise<T>;
  write<T>(work: (tx: PlaceTransaction) => Promise<T>): Promise<T>;
  /**
   * Waits until no write of the tenant runs and lets none begin until `release`.
   * @returns undefined when a write ran on for longer than `waitMs`; writers went on by then.
   */
  openFence(waitMs: number): Promise<Fence | undefined>;
  /** Whether writes are refused here because the tenant is elsewhere. */
  markMoved(moved: boolean): Promise<void>;
  close(): Promise<void>;
}

export interface Fence {
  /** @throws when the server has ended it: writes may have begun since. */
  assertHeld(): Promise<void>;
  /** When the first writer may have begun to wait, by `performance.now()`. */
  readonly startedAt: number;
  /** Safe to call twice. */
  release(): Promise<void>;
}

/**
 * Behind BEGIN. Hashes and rows are compared as text, so both sides must write times alike. No
 * parameters, so that all of it can be one message: each counts while writers wait.
 */
const stating = (localTenantId: string, style: SessionStyle): string[] => [
  ...statingTenant(localTenantId, style),
  "set local timezone = 'UTC'",
  'set local statement_timeout = 0',
  'set local jit = off',
];
/** As in silenceChangeLog. */
const SILENT = ["set local app.change_log = 'off'", 'set constraints all deferred'];
/** The server ends the fence of a mover that it has lost sight of. */
const FENCE_AT_MOST_MS = 10_000;
const LOCK_NOT_AVAILABLE = '55P03';
const CONNECT_WITHIN_MS = 5000;

export async function openPlace(dataSource: DataSource, localTenantId: string): Promise<Place> {
  const client = await connect(dataSource);
  let fenceClient: pg.Client | undefined;
  let findings: DataSourceFindings;
  try {
    findings = await assertDataSourceIsSafe(client, dataSource);
  } catch (error) {
    destroyConnection(client);
    throw error;
  }
  const tx: PlaceTransaction = { client, localTenantId, query: runnerOf(client) };
  const { sessionStyle } = dataSource;

  /** In as few messages as the style allows. */
  const run = async (at: pg.Client, begin: string, then: readonly string[]): Promise<void> => {
    const commands = [begin, ...stating(localTenantId, sessionStyle), ...then];
    for (const text of sessionStyle === 'direct' ? [commands.join('; ')] : commands) {
      await at.query(text);
    }
  };

  async function transact<T>(
    begin: string,
    settings: readonly string[],
    work: () => Promise<T>,
  ): Promise<T> {
    try {
      await run(client, begin, settings);
      const result = await work();
      await client.query('commit');
      return result;
    } catch (error) {
      // The first failure is the one to tell; a broken connection has rolled back by itself.
      await client.query('rollback').catch(() => undefined);
      throw error;
    }
  }

  return {
    name: dataSource.name,
    localTenantId,
    distributed: findings.distributed,
    read: (work) => transact('begin isolation level repeatable read read only', [], () => work(tx)),
    write: (work) => transact('begin', SILENT, () => work(tx)),
    async markMoved(moved) {
      await run(client, 'begin', [
        `update cloister.tenants set moved_at = ${moved ? 'now()' : 'null'}
         where tenant_id = '${localTenantId}'`,
        'commit',
      ]);
    },
    async openFence(waitMs) {
      fenceClient ??= await connect(dataSource);
      const held = fenceClient;
      const startedAt = performance.now();
      try {
        await run(held, 'begin', [
          `set local lock_timeout = ${waitMs}`,
          `set local idle_in_transaction_session_timeout = ${FENCE_AT_MOST_MS}`,
          `select pg_advisory_xact_lock(hashtextextended('${localTenantId}', 7302513))`,
        ]);
      } catch (error) {
        await held.query('rollback');
        if (error instanceof pg.DatabaseError && error.code === LOCK_NOT_AVAILABLE)
          return undefined;
        throw error;
      }
      let released = false;
      return {
        startedAt,
        assertHeld: async () => {
          await held.query('select 1');
        },
        release: async () => {
          if (released) return;
          released = true;
          await held.query('rollback');
        },
      };
    },
    async close() {
      await Promise.all([client.end(), fenceClient?.end()]);
    },
  };
}

async function connect(dataSource: DataSource): Promise<pg.Client> {
  const client = new pg.Client({
    ...toClientConfig(dataSource.connection),
    application_name: 'cloister-move',
    connectionTimeoutMillis: CONNECT_WITHIN_MS,
    keepAlive: true,
  });
  // A connection that breaks fails the query that runs; without a listener it would end the process.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

const runnerOf =
  (client: pg.Client): SqlRunner['query'] =>
  async <Row>({ text, values }: { text: string; values: readonly unknown[] }) =>
    (await client.query(text, [...values])).rows as Row[];
